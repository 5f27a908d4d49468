import { KlatchError } from "../../errors.ts";

/** Whether an engine's failure means that smaller work may succeed. */
export function isOutOfMemory(error: unknown): error is KlatchError {
  return error instanceof KlatchError && error.code === "memory";
}
