import type { AgreedState, ChainHead } from "../agreed-state.ts";
import { type AgreedTurn, changeState } from "../agreed-turn.ts";
import type { Decision } from "../messages.ts";
import { type DecisionGround, decisionFault } from "./decided.ts";

/** Keeps a decision until a block makes it, unless it does not fit, or another one of its kind waits. */
export function hearDecision(turn: AgreedTurn, decision: Decision): void {
  const { state } = turn;
  const waiting = decisionsFor(state);
  const isSecond = waiting.some(({ kind }) => kind === decision.kind);
  if (!isSecond && decisionFault(decision, groundOf(state)) === null) {
    changeState(turn, { decisions: [...waiting, decision] });
  }
}

/** The decisions that wait and that a block of the open height can make: one of them, for the others do not fit after it. */
export function decisionsFor(
  state: Pick<AgreedState, "config" | "head" | "decisions">,
): readonly Decision[] {
  const ground = groundOf(state);
  return state.decisions.filter((each) => decisionFault(each, ground) === null);
}

// --- internal ---

function groundOf({
  config,
  head,
}: {
  readonly config: Pick<AgreedState["config"], "run">;
  readonly head: Pick<ChainHead, "height" | "members" | "decided">;
}): DecisionGround {
  const { height, decided, members } = head;
  return { run: config.run, roster: members.digest, peers: members.peers, height, decided };
}
