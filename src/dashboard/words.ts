/** Numbers and names as people read them: those of the terminal and of reports, and a few more. */
export { PHASE_WORDS } from "../node/view/live/model.ts";
export { numberText as loss, secondsText as seconds } from "../node/view/quantities.ts";
export { bytes, duration, short } from "../node/view/table.ts";

/** A count with its noun: `1 peer`, `3 peers`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
