import { KlatchError } from "../../errors.ts";

/** What a check found; `unknown` is what could not be found out, with the reason as its detail. */
export interface Finding {
  readonly status: "pass" | "warn" | "fail" | "unknown";
  readonly detail: string;
  /** What to do about it, in one line; empty when there is nothing to do. */
  readonly fix: string;
  /** Which one it is about, where a check looks at several. */
  readonly of?: string;
}

/** One thing that `klatch doctor` looked at; the shape of its `--json`. */
export interface Check extends Omit<Finding, "of"> {
  readonly name: string;
}

/** A check: its name, the question that it answers, and where the answer comes from. */
export interface CheckEntry<Ground> {
  readonly name: string;
  readonly asks: string;
  readonly look: (ground: Ground) => Answer | Promise<Answer>;
}

type Answer = Finding | readonly Finding[];

export const pass = (detail: string): Finding => ({ status: "pass", detail, fix: "" });

export const warn = (detail: string, fix: string): Finding => ({ status: "warn", detail, fix });

export const fail = (detail: string, fix: string): Finding => ({ status: "fail", detail, fix });

export const unknown = (detail: string, fix: string): Finding => ({
  status: "unknown",
  detail,
  fix,
});

/** An operating failure names its own fix. */
export const failed = ({ message, hint }: KlatchError): Finding => fail(message, hint);

/** A finding under the name of its check. */
export function named(name: string, { of, ...finding }: Finding): Check {
  return { name: of === undefined ? name : `${name} ${of}`, ...finding };
}

/** What came of some work, or why it failed. A bug is thrown on. */
export async function outcome<T>(work: () => T | Promise<T>): Promise<T | KlatchError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof KlatchError) return error;
    throw error;
  }
}

/** Answers one check; it fails the way its work does. */
export async function answer<Ground>(
  { name, look }: Pick<CheckEntry<Ground>, "name" | "look">,
  ground: Ground,
): Promise<readonly Check[]> {
  const found = await outcome(() => look(ground));
  const findings = found instanceof KlatchError ? failed(found) : found;
  return [findings].flat().map((finding) => named(name, finding));
}
