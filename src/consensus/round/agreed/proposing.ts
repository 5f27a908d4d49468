import type { AgreedState } from "./agreed-state.ts";
import { type AgreedTurn, changeHeight, setTimer } from "./agreed-turn.ts";
import { cutKey, type Draft, draftBlock } from "./blocks.ts";
import type { Computed } from "./contract.ts";
import { cutOf } from "./cut.ts";
import { rollbackOf } from "./membership/decided.ts";
import type { Block, HeldPayload, SignedStatement } from "./messages.ts";
import { areNullified, highestNotarised, proposerOf } from "./simplex-state.ts";
import { BALLOT_GRACE_SHARE } from "./timing.ts";
import { viewLength } from "./view-time.ts";

/** Gives what a cut mixes to, or has that done. */
export type Settle = (
  cut: readonly HeldPayload[],
  block: Pick<Block, "ballots" | "decision">,
) => Computed | null;

/** Proposes, where this node is the proposer of the view and has what that takes. */
export function reviewProposal(turn: AgreedTurn, settle: Settle): void {
  const { simplex, proposedIn } = turn.state.height;
  const { view, viewAt, self } = simplex;
  if (viewAt === null || proposedIn >= view || proposerOf(simplex, view) !== self) return;
  const notarised = highestNotarised(simplex, view);
  if (notarised !== null && areNullified(simplex, notarised.view + 1, view)) {
    // normally the votes that make it final are on their way
    if (!waitsUntil(turn, viewAt + viewLength(turn.state) / 2)) confirm(turn, notarised);
  } else if (notarised === null && areNullified(simplex, 0, view)) {
    proposeFresh(turn, viewAt, settle);
  }
}

/** The newest view of the open height that this node has proposed in; -1 for none. */
export function proposedAmong(
  said: readonly SignedStatement[],
  { config, head }: Pick<AgreedState, "config" | "head">,
): number {
  const views = said.map(({ author, statement }) => {
    const isOwn = author === config.self && statement.kind === "proposal";
    return isOwn && statement.height === head.height ? statement.view : -1;
  });
  return Math.max(-1, ...views);
}

// --- internal ---

function confirm(
  turn: AgreedTurn,
  confirmed: { readonly view: number; readonly block: string },
): void {
  const { simplex } = turn.state.height;
  changeHeight(turn, { proposedIn: simplex.view });
  const { height: round } = turn.state.head;
  turn.effects.push({ type: "propose", round, view: simplex.view, fresh: null, confirmed });
}

function proposeFresh(turn: AgreedTurn, viewAt: number, settle: Settle): void {
  const { simplex, ballots } = turn.state.height;
  const { quorum, view } = simplex;
  const expected = Math.min(quorum.members, turn.state.present.size + 1);
  const grace = BALLOT_GRACE_SHARE * viewLength(turn.state);
  if (ballots.size < expected && waitsUntil(turn, viewAt + grace)) return;
  const isLate = !waitsUntil(turn, viewAt + viewLength(turn.state) / 2);
  const whole = draftBlock(turn.state, false);
  // what is mixed already counts, however long that took
  const draft = isLate && !isMixed(turn.state, whole) ? draftBlock(turn.state, true) : whole;
  if (draft.ballots.length < quorum.size) return;
  const outcome = settle(cutOf(draft, quorum), draft);
  if (outcome === null) return;
  const { checkpoint, norm } = outcome;
  changeHeight(turn, { proposedIn: view });
  const fresh = { ...draft, checkpoint, norm };
  turn.effects.push({
    type: "propose",
    round: turn.state.head.height,
    view,
    fresh,
    confirmed: null,
  });
}

/** Whether it is known what a block leads to. */
function isMixed({ height }: AgreedState, draft: Draft): boolean {
  const cut = cutOf(draft, height.simplex.quorum);
  const outcome = height.computed.get(cutKey(cut, rollbackOf(draft)));
  return outcome !== undefined && outcome !== "pending";
}

/** Whether it is too early; then a timer brings this node back. */
function waitsUntil(turn: AgreedTurn, at: number): boolean {
  if (turn.now >= at) return false;
  setTimer(turn, "propose", at);
  return true;
}
