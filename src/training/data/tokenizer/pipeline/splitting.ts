import { z } from "zod";
import { findAll, type Range } from "./patterns.ts";

/** What becomes of what a text is split at. */
export const behaviorSchema = z.enum([
  "Removed",
  "Isolated",
  "MergedWithPrevious",
  "MergedWithNext",
  "Contiguous",
]);
export type Behavior = z.infer<typeof behaviorSchema>;

interface Segment extends Range {
  readonly isMatch: boolean;
}

/** The whole text, what was found and what lies between; what was not found counts as found when inverted. */
function segmentsOf(text: string, regex: RegExp, isInverted: boolean): readonly Segment[] {
  const segments: Segment[] = [];
  let last = 0;
  for (const { start, end } of findAll(text, regex)) {
    if (start !== last) segments.push({ start: last, end: start, isMatch: isInverted });
    segments.push({ start, end, isMatch: !isInverted });
    last = end;
  }
  if (last !== text.length) segments.push({ start: last, end: text.length, isMatch: isInverted });
  return segments;
}

/** Joins a segment to the one before wherever `joins` says so; the first has nothing before it. */
function joined(
  segments: readonly Segment[],
  joins: (isMatch: boolean, wasMatch: boolean) => boolean,
): readonly Range[] {
  const out: Range[] = [];
  let wasMatch = false;
  for (const { start, end, isMatch } of segments) {
    const last = out.at(-1);
    if (last !== undefined && joins(isMatch, wasMatch)) {
      out[out.length - 1] = {
        start: Math.min(start, last.start),
        end: Math.max(end, last.end),
      };
    } else out.push({ start, end });
    wasMatch = isMatch;
  }
  return out;
}

/** The parts of a text that is split wherever an expression finds something; none is empty. */
export function split(
  text: string,
  regex: RegExp,
  behavior: Behavior,
  isInverted = false,
): readonly Range[] {
  const segments = segmentsOf(text, regex, isInverted);
  const isFirstOfRun = (isMatch: boolean, wasMatch: boolean) => isMatch && !wasMatch;
  const parts = (): readonly Range[] => {
    switch (behavior) {
      case "Isolated":
        return segments;
      case "Removed":
        return segments.filter(({ isMatch }) => !isMatch);
      case "Contiguous":
        return joined(segments, (isMatch, wasMatch) => isMatch === wasMatch);
      case "MergedWithPrevious":
        return joined(segments, isFirstOfRun);
      case "MergedWithNext":
        return joined(segments.toReversed(), isFirstOfRun).toReversed();
    }
  };
  return parts().filter(({ start, end }) => end > start);
}
