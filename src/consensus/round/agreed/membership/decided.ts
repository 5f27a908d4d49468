import type { Digest, PeerId } from "../../../../types.ts";
import type { Block, Decision, Rollback, Setting } from "../messages.ts";
import { isSignedBy, quorumOf } from "../quorum.ts";

/** What the members have decided about the run, up to a height. */
export interface Decided {
  /** How many decisions blocks have made: the next one names this number. */
  readonly number: number;
  /** Rounds of the run, steps a round, and the height from which on; null for what each was configured with. */
  readonly newest: Pick<Setting, "rounds" | "steps" | "from"> | null;
  /** Steps a round below that height; null for those that the run began with. */
  readonly stepsBefore: number | null;
  /** The last height whose state is a rollback's; -1 before there is one. */
  readonly rolledBackAt: number;
}

export const UNDECIDED: Decided = {
  ...{ number: 0, newest: null, stepsBefore: null, rolledBackAt: -1 },
};

/** What a decision is judged by. */
export interface DecisionGround {
  readonly run: Digest;
  /** Digest of the roster in force, and who is in it. */
  readonly roster: Digest;
  readonly peers: readonly PeerId[];
  /** The height whose block makes it, and what was decided before. */
  readonly height: number;
  readonly decided: Decided;
}

/** Why a block cannot make a decision; null when it can, or there is none. Signatures are checked at the door. */
export function decisionFault(
  decision: Decision | null,
  { run, roster, peers, height, decided }: DecisionGround,
): string | null {
  if (decision === null) return null;
  const { size } = quorumOf(peers.length);
  const table: readonly (readonly [boolean, string])[] = [
    [decision.run !== run, "a decision about another run"],
    [decision.roster !== roster, "a decision of another roster"],
    [decision.number !== decided.number, "a decision that is made already, or not next"],
    [
      !isSignedBy(size, peers.length, decision.signatures),
      `a decision that fewer than ${size} members have signed`,
    ],
  ];
  const fault = table.find(([isSo]) => isSo)?.[1] ?? null;
  return fault ?? contentFault(decision, height, decided);
}

/** What is decided after a block. */
export function decidedAfter(decided: Decided, { decision, height }: DecidingBlock): Decided {
  if (decision === null) return decided;
  const number = decided.number + 1;
  if (decision.kind === "rollback") return { ...decided, number, rolledBackAt: height };
  const next = height + 1;
  const { rounds, steps } = decision;
  return {
    ...{ ...decided, number },
    newest: { rounds, steps, from: Math.max(next, decision.from) },
    stepsBefore: stepsOf(decided, next),
  };
}

type DecidingBlock = Pick<Block, "decision" | "height">;

/** Steps of a round; null for those that the run began with. */
export function stepsOf({ newest, stepsBefore }: Decided, height: number): number | null {
  return newest !== null && height >= newest.from ? newest.steps : stepsBefore;
}

/** The rollback of a block; null of one without. */
export function rollbackOf({ decision }: Pick<Block, "decision">): Rollback | null {
  return decision?.kind === "rollback" ? decision : null;
}

// --- internal ---

function contentFault(
  decision: Decision,
  height: number,
  { rolledBackAt }: Decided,
): string | null {
  if (decision.kind === "set") {
    const { rounds, from } = decision;
    if (rounds <= height) return `an end of the run after round ${rounds}, which is over`;
    return from >= rounds ? "steps for rounds after the last" : null;
  }
  const { since } = decision;
  if (since > height) return `a rollback to round ${since}, which is not over`;
  return since <= rolledBackAt ? `a rollback across that of round ${rolledBackAt + 1}` : null;
}
