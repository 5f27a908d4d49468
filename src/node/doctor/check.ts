import { KlatchError } from "../../errors.ts";

/** One thing that `klatch doctor` looked at. */
export interface Check {
  readonly name: string;
  readonly status: "pass" | "warn" | "fail";
  /** What was found. */
  readonly detail: string;
  /** What to do about it; empty when there is nothing to do. */
  readonly fix: string;
}

export const pass = (name: string, detail: string): Check => ({
  name,
  status: "pass",
  detail,
  fix: "",
});

export const warn = (name: string, detail: string, fix: string): Check => ({
  name,
  status: "warn",
  detail,
  fix,
});

export const fail = (name: string, detail: string, fix: string): Check => ({
  name,
  status: "fail",
  detail,
  fix,
});

/**
 * A check that fails the way its work does. An operating failure names its own fix. A failure of the engine is told
 * as the engine's, whatever needed it. A bug is thrown on.
 */
export async function attempt(name: string, work: () => Promise<Check>): Promise<Check> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof KlatchError) {
      return fail(error.code === "engine" ? "engine" : name, error.message, error.hint);
    }
    throw error;
  }
}
