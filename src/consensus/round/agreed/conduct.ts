import { afterMiss, afterPunctualRound, waitFor } from "../patience.ts";
import type { AgreedState } from "./agreed-state.ts";
import { type AgreedTurn, observe } from "./agreed-turn.ts";
import { lateAnnouncers, reachesQuorum } from "./awaited.ts";
import type { Link } from "./contract.ts";
import type { Block } from "./messages.ts";
import { proposerOf, viewOf } from "./simplex-state.ts";

/**
 * The patience with members after a height, and what is told of them: who is in the cut and came in time, for this node
 * and for the others, kept nobody waiting; whoever else was waited for did, and who had its turn and proposed nothing.
 */
export function judgeConduct(turn: AgreedTurn, links: readonly Link[]): AgreedState["patience"] {
  const { state } = turn;
  const last = links.at(-1)?.block;
  // whoever only took over a chain saw nothing of how it came about
  if (last === undefined || links.length > 1 || last.height !== state.head.height) {
    return state.patience;
  }
  const { timing } = state.config;
  const isCertain = reachesQuorum(state);
  const late = lateAnnouncers(state);
  if (isCertain) tellIdleProposers(turn);
  return state.patience.map((patience, place) => {
    const wasLate = late.has(place) || cameLateToOthers(state, last, place);
    if (last.cut.includes(place) && !wasLate) {
      observe(turn, place, "timely", `announced and served round ${last.height} in time`);
      return afterPunctualRound(patience);
    }
    if (!state.present.has(place) || waitFor(patience, timing) === "none") return patience;
    const told = isCertain ? absenceOf(state, place, wasLate) : null;
    if (told !== null) observe(turn, place, ...told);
    return afterMiss(patience, timing, isCertain);
  });
}

// --- internal ---

/** What a member that was waited for did not do in time, as evidence says it; null of an update that counts for nothing. */
function absenceOf(
  { height, head }: AgreedState,
  place: number,
  wasLate: boolean,
): readonly ["missing" | "late", string] | null {
  const [announced] = height.arrivals.get(place) ?? [];
  if (announced === undefined) return ["missing", `nothing announced for round ${head.height}`];
  const fetched = height.fetches.get(announced.payload);
  if (fetched !== undefined && fetched !== "fetched") {
    return ["missing", `its payload of round ${head.height} was not served`];
  }
  const isListed = fetched !== undefined;
  return isListed && !wasLate ? null : ["late", `announced late for round ${head.height}`];
}

/** It came in time to so few that the others have waited for it in vain. */
function cameLateToOthers(state: AgreedState, { ballots }: Block, place: number): boolean {
  const holders = ballots.filter(({ opinions }) => opinions[place] !== "absent").length;
  return holders < state.height.simplex.quorum.size;
}

/** Views before the one that ended the height, whose proposers were there, and said nothing that has come here. */
function tellIdleProposers(turn: AgreedTurn): void {
  const { present, head, height } = turn.state;
  const { simplex } = height;
  for (let view = 0; view < (simplex.final?.view ?? 0); view += 1) {
    const place = proposerOf(simplex, view);
    if (!present.has(place) || viewOf(simplex, view).proposal !== null) continue;
    observe(turn, place, "missing", `proposed no block in its turn of round ${head.height}`);
  }
}
