import type { NodeStatus, RoundRecord, RunRecord, RunResult } from "../records/records.ts";

/** What a node left behind in its folder. */
export interface Remains {
  readonly record: RunRecord;
  /** Rounds of which there is a checkpoint. */
  readonly roundsDone: number;
  /** The rounds that were noted, oldest first. */
  readonly rounds: readonly RoundRecord[];
  readonly result: RunResult | null;
}

/** The status of a node that does not run: what it said last, brought up to what its folder holds. */
export function stoppedStatus({ record, roundsDone, rounds, result }: Remains): NodeStatus {
  const { status } = record;
  const last = rounds.at(-1);
  const { mixedRounds, soloRounds } = countMixed(rounds);
  return {
    ...status,
    state: "stopped",
    phase: result === null ? "train" : "done",
    round: roundsDone,
    mixedRounds,
    soloRounds,
    waitingFor: [],
    deadline: null,
    trainLoss: last?.trainLoss ?? status.trainLoss,
    heldOutLoss: last?.heldOutLoss ?? status.heldOutLoss,
    evaluation: result?.evaluation ?? null,
    agreed: stoppedAgreement(status, last),
    peers: status.peers.map((peer) => ({
      ...peer,
      connected: false,
      roundTripMs: null,
      gossipScore: null,
    })),
  };
}

/** The end of the chain as the last round left it. */
function stoppedAgreement(
  { agreed }: NodeStatus,
  last: RoundRecord | undefined,
): NodeStatus["agreed"] {
  if (agreed === null || last?.agreed === undefined) return agreed;
  const { round, endedAt: headAt } = last;
  const head = { blocks: round + 1, head: last.agreed.block, headAt };
  return { ...agreed, ...head, view: 0, proposer: null, ballots: 0, votes: 0 };
}

/** Rounds that mixed something of others, and rounds that nobody else had a part in. */
export function countMixed(
  rounds: readonly RoundRecord[],
): Pick<NodeStatus, "mixedRounds" | "soloRounds"> {
  const mixedRounds = rounds.filter(({ mixed }) => mixed.length > 0).length;
  return { mixedRounds, soloRounds: rounds.length - mixedRounds };
}
