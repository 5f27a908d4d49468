/** Numbers and names as people read them: those of the terminal and of reports, and a few more. */
export { numberText as loss, secondsText as seconds } from "../node/view/quantities.ts";
export { bytes, duration, short } from "../node/view/table.ts";

/** A count with its noun: `1 peer`, `3 peers`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** What a phase is, for who does not know the protocol. */
export const PHASE_WORDS = {
  train: "trains on its own data",
  commit: "waits for announcements",
  fetch: "fetches updates",
  mix: "mixes updates",
  vote: "votes on the round",
  done: "is done",
} as const;
