import type { Timestamp } from "../../../types.ts";
import type { AgreedState } from "./agreed-state.ts";
import { VIEW_MAX_MS } from "./timing.ts";

/** Doublings stop here: the longest view is reached long before. */
const DOUBLINGS_MAX = 20;

/**
 * How long the open view lasts: twice what views took that ended the last heights, by their median over as many heights
 * as there are members, doubled from view to view. A median, since proposers that are late on purpose do not move it; nor
 * do the first heights alone.
 */
export function viewLength({ config, viewTimes, height }: AgreedState): number {
  const { view, quorum } = height.simplex;
  const base = Math.max(config.timing.viewMs, 2 * medianOf(viewTimes, quorum.members));
  return Math.min(VIEW_MAX_MS, base * (1 << Math.min(view, DOUBLINGS_MAX)));
}

/** When the open view ends without a block. */
export function viewEnd(state: AgreedState): Timestamp {
  const { simplex, extension } = state.height;
  const more = extension?.view === simplex.view ? extension.ms : 0;
  return (simplex.viewAt ?? 0) + viewLength(state) + more;
}

// --- internal ---

/** The lower median of so many values, of which those that are not there are 0 and the others not negative. */
function medianOf(values: readonly number[], count: number): number {
  const place = ((count - 1) >> 1) - (count - values.length);
  // most heights of a run come before: this is asked at every event
  return place < 0 ? 0 : (values.toSorted((a, b) => a - b)[place] ?? 0);
}
