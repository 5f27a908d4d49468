import type { AgreedState, ChainHead } from "../agreed-state.ts";
import { type AgreedTurn, changeState } from "../agreed-turn.ts";
import type { Decision } from "../messages.ts";
import { type DecisionGround, decisionFault } from "./decided.ts";

/** Keeps a decision until a block makes it, unless it does not fit, or another one waits. */
export function hearDecision(turn: AgreedTurn, decision: Decision): void {
  const { state } = turn;
  if (decisionFor(state) === null && decisionFault(decision, groundOf(state)) === null) {
    changeState(turn, { decision });
  }
}

/** The decision for a block of the open height; null where none waits that fits. */
export function decisionFor(
  state: Pick<AgreedState, "config" | "head" | "decision">,
): Decision | null {
  return decisionFault(state.decision, groundOf(state)) === null ? state.decision : null;
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
