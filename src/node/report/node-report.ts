import type { Evidence, PeerId } from "../../types.ts";
import type { PastRun } from "../past/node-or-folder.ts";
import type { OpenedCheckpoint } from "../past/open-checkpoint.ts";
import { stoppedStatus } from "../past/stopped-status.ts";
import { verifyFolder } from "../proof/verify-folder.ts";
import type { NodeStatus, RoundRecord, RunRecord } from "../records/records.ts";
import { VERSION } from "../version.ts";
import { mean, sum } from "../view/quantities.ts";
import type { Comparison } from "./measure.ts";
import type { Worth } from "./worth.ts";

/** Whether a run was worth it for one organisation: all that its report says. */
export interface NodeReport {
  readonly klatch: string;
  readonly run: string;
  readonly name: string;
  readonly mode: NodeStatus["mode"];
  readonly peerId: PeerId;
  readonly model: string;
  /** Rounds that are over, that the run has, and that mixed something of others. */
  readonly rounds: { readonly done: number; readonly of: number; readonly mixed: number };
  /** From the first round to the last; null where no round is kept. */
  readonly time: { readonly from: number; readonly to: number } | null;
  readonly comparisons: readonly Comparison[];
  /** Held-out loss after each round, rounds from 1. */
  readonly curve: readonly { readonly round: number; readonly loss: number }[];
  readonly traffic: {
    readonly sent: number;
    readonly received: number;
    /** What it would have sent of updates that are not compressed. */
    readonly dense: number;
  };
  /** At the watts that the operator named; null where none were. */
  readonly energy: { readonly watts: number; readonly kilowattHours: number } | null;
  /** This node first. */
  readonly members: readonly MemberReport[];
  readonly evidence: readonly EvidenceCount[];
  /** Of mode `agreed`; null in mode `gossip`, where nothing is signed by others. */
  readonly chain: {
    readonly valid: boolean;
    readonly blocks: number;
    readonly head: string | null;
    readonly adapter: string | null;
    readonly problems: readonly string[];
  } | null;
}

export interface MemberReport {
  readonly peer: PeerId;
  readonly isSelf: boolean;
  /** Rounds in which its update counted, and its mean part of what was mixed. */
  readonly rounds: number;
  readonly share: number;
  /** What ballots of others said of its updates; null in mode `gossip`, where such opinions stay private. */
  readonly opinions: {
    readonly helpful: number;
    readonly neutral: number;
    readonly harmful: number;
  } | null;
  /** What its updates were worth to this node; null where no round with them was mixed again. */
  readonly worth: Worth | null;
  /** Null of this node itself. */
  readonly standing: string | null;
  readonly reason: string | null;
}

export interface EvidenceCount {
  readonly peer: PeerId;
  readonly kind: Evidence["kind"];
  readonly times: number;
  /** Of the last one, from 1. */
  readonly lastRound: number;
}

/**
 * What a node's folder tells of a run, with what was measured.
 *
 * @param watts - of the machine while it trains; null where the operator names none
 */
export async function nodeReport(
  { runs, run }: PastRun,
  record: RunRecord,
  {
    checkpoint,
    comparisons,
    worth,
    watts,
  }: {
    readonly checkpoint: OpenedCheckpoint;
    readonly comparisons: readonly Comparison[];
    readonly worth: ReadonlyMap<PeerId, Worth>;
    readonly watts: number | null;
  },
): Promise<NodeReport> {
  const rounds = runs.rounds(run);
  const done = checkpoint.origin?.round ?? 0;
  const status = stoppedStatus({ record, roundsDone: done, rounds, result: runs.result(run) });
  const { mode, peerId, mixedRounds: mixed, bytesSent, bytesReceived } = status;
  const proof = mode === "agreed" ? await verifyFolder(runs.folder, { run, head: null }) : null;
  const time = timeOf(rounds);
  return {
    ...{ klatch: VERSION, run, name: record.settings.run.name, mode, peerId },
    ...{ model: record.settings.model, rounds: { done, of: status.rounds, mixed }, time },
    ...{ comparisons, curve: curveOf(rounds) },
    traffic: {
      sent: Math.max(bytesSent, sum(rounds.map((each) => each.bytesSent))),
      received: Math.max(bytesReceived, sum(rounds.map((each) => each.bytesReceived))),
      dense: denseBytes(status, done, checkpoint.values.length),
    },
    energy: watts === null || time === null ? null : energyOf(watts, time),
    members: proof === null ? mixedMembers(status, rounds) : agreedMembers(status, proof, worth),
    evidence: countsOf(runs.evidence(run)),
    chain: proof && {
      ...{ valid: proof.valid, blocks: proof.byRound.length, head: proof.head },
      ...{ adapter: proof.digest, problems: proof.problems },
    },
  };
}

// --- internal ---

const MS_PER_HOUR = 3_600_000;

function timeOf(rounds: readonly RoundRecord[]): NodeReport["time"] {
  const [first, last] = [rounds[0], rounds.at(-1)];
  return first && last ? { from: first.startedAt, to: last.endedAt } : null;
}

function energyOf(watts: number, { from, to }: NonNullable<NodeReport["time"]>) {
  return { watts, kilowattHours: (watts * (to - from)) / MS_PER_HOUR / 1000 };
}

function curveOf(rounds: readonly RoundRecord[]): NodeReport["curve"] {
  return rounds.flatMap(({ round, heldOutLoss: loss }) =>
    loss === null ? [] : [{ round: round + 1, loss }],
  );
}

/** What the rounds would have cost with numbers as they are: four bytes each, to every neighbour. */
function denseBytes({ peers }: NodeStatus, rounds: number, values: number): number {
  const neighbours = peers.filter(({ neighbour }) => neighbour).length;
  return rounds * neighbours * values * Float32Array.BYTES_PER_ELEMENT;
}

function agreedMembers(
  status: NodeStatus,
  { contributors }: Awaited<ReturnType<typeof verifyFolder>>,
  worth: ReadonlyMap<PeerId, Worth>,
): readonly MemberReport[] {
  return selfFirst(
    contributors.map(({ peer, rounds, share, helpful, neutral, harmful }) => ({
      ...{ peer, rounds, share, opinions: { helpful, neutral, harmful } },
      worth: worth.get(peer) ?? null,
      ...knownOf(status, peer),
    })),
  );
}

/** In mode `gossip` each node mixes for itself: these are the parts of this one's mixes. */
function mixedMembers(status: NodeStatus, rounds: readonly RoundRecord[]) {
  const everyone = [status.peerId, ...status.peers.map(({ peer }) => peer)];
  return selfFirst(
    everyone.map((peer): MemberReport => {
      const shares = rounds.flatMap(({ mixed }) =>
        mixed.filter((each) => each.peer === peer).map(({ share }) => share),
      );
      const own = rounds.map(({ mixed }) => 1 - sum(mixed.map(({ share }) => share)));
      const counted = peer === status.peerId ? own : shares;
      const share = mean(counted) ?? 0;
      const none = { opinions: null, worth: null };
      return { peer, rounds: counted.length, share, ...none, ...knownOf(status, peer) };
    }),
  );
}

function knownOf(
  { peerId, peers }: NodeStatus,
  peer: PeerId,
): Pick<MemberReport, "isSelf" | "standing" | "reason"> {
  const known = peers.find((each) => each.peer === peer);
  const { standing = null, lastReason: reason = null } = known ?? {};
  return { isSelf: peer === peerId, standing, reason };
}

function selfFirst(members: readonly MemberReport[]): readonly MemberReport[] {
  return members.toSorted((a, b) => Number(b.isSelf) - Number(a.isSelf) || b.share - a.share);
}

function countsOf(evidence: readonly Evidence[]): readonly EvidenceCount[] {
  const counts = new Map<string, EvidenceCount>();
  for (const { peer, kind, round } of evidence) {
    const { times = 0, lastRound = 0 } = counts.get(`${peer} ${kind}`) ?? {};
    const last = Math.max(lastRound, round + 1);
    counts.set(`${peer} ${kind}`, { peer, kind, times: times + 1, lastRound: last });
  }
  return [...counts.values()].sort((a, b) => b.times - a.times);
}
