import { setTimeout as delay } from "node:timers/promises";

/** Waits; throws an AbortError when `signal` comes first. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal });
}
