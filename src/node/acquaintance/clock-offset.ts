import type { Greeting } from "../../gossip/index.ts";

/** How far another clock is ahead of this node's, between what and what, milliseconds. */
export interface ClockOffset {
  readonly least: number;
  readonly most: number;
}

/** What one question tells, as nobody knows when of the time that it took the other clock was read. */
export function measured({ offsetMs, tookMs }: NonNullable<Greeting["clock"]>): ClockOffset {
  return { least: offsetMs - tookMs / 2, most: offsetMs + tookMs / 2 };
}

/** What two measurements tell together; the later one alone where a clock has been set in between. */
export function narrowed(before: ClockOffset | null, now: ClockOffset): ClockOffset {
  if (before === null || before.least > now.most || before.most < now.least) return now;
  return { least: Math.max(before.least, now.least), most: Math.min(before.most, now.most) };
}

/** How far the clocks are apart at the least. */
export function certainOffset({ least, most }: ClockOffset): number {
  return Math.max(least, 0) + Math.min(most, 0);
}
