import type { NodeStatus, RoundRecord } from "../../../../src/node/records/records.ts";
import type { Evaluation } from "../../../../src/types.ts";
import { parseOptions, type TestnetInput } from "../../../../testnet/options.ts";
import type { PeerRecord, RunFacts } from "../../../../testnet/report/report.ts";

export const evaluation = (loss: number, exactMatch = 0.5): Evaluation => ({
  loss,
  perplexity: Math.exp(loss),
  exactMatch,
  tokens: 100,
  examples: 10,
});

const summary = { examples: 10, tokens: 100, truncated: 0, skipped: 0, duplicates: 0, notes: [] };

export const status = (over: Partial<NodeStatus> = {}): NodeStatus => ({
  version: "0.1.0",
  peerId: "peer-1",
  run: "ab".repeat(32),
  addresses: ["/ip4/127.0.0.1/tcp/20000/p2p/peer-1"],
  startedAt: 0,
  state: "running",
  phase: "train",
  round: 2,
  rounds: 6,
  mixedRounds: 2,
  soloRounds: 0,
  waitingFor: [],
  deadline: null,
  trainLoss: 1.5,
  heldOutLoss: 1.75,
  evaluation: null,
  mode: "gossip",
  agreed: null,
  adapter: null,
  rule: "cs-plus",
  attackersMax: 0,
  certifiedAttackers: 1,
  model: { digest: "d".repeat(64), origin: null },
  data: { train: summary, heldOut: summary, test: summary, testSeenInTraining: 0 },
  bytesSent: 1_572_864,
  bytesReceived: 1_048_576,
  peers: [],
  strangers: [],
  refusals: {},
  ...over,
});

const roundRecord = (round: number, heldOutLoss: number | null): RoundRecord => ({
  round,
  startedAt: 1000 * round,
  endedAt: 1000 * round + 900,
  trainLoss: 2 - 0.1 * round,
  heldOutLoss,
  announced: [],
  mixed: [{ peer: "peer-2", share: 0.25 }],
  refused: [],
  bytesSent: 1000,
  bytesReceived: 900,
});

/** A finished peer whose loss falls from 2.4 by a tenth each round, a little differently for each. */
export const peerRecord = (index: number, over: Partial<PeerRecord> = {}): PeerRecord => ({
  id: `peer-${index + 1}`,
  index,
  label: ["bank", "clinic", "court", "school"][index % 4] ?? "",
  role: "honest",
  rows: 100,
  status: status({
    peerId: `peer-${index + 1}`,
    state: "finished",
    evaluation: evaluation(1 + 0.1 * index),
  }),
  rounds: Array.from({ length: 6 }, (_, round) =>
    roundRecord(round, 2.4 * 0.8 ** round + 0.08 * index),
  ),
  evidence: [],
  ...over,
});

/** The facts of a four-peer run of six rounds with baselines. */
export const runFacts = (
  options: Partial<TestnetInput> = {},
  peers = [0, 1, 2, 3].map((index) => peerRecord(index)),
): RunFacts => ({
  options: parseOptions({ model: "model", data: "data", rounds: 6, baselines: true, ...options }),
  peers,
  baselines: {
    base: evaluation(2.5, 0),
    localOnly: [evaluation(1.8, 0.2), evaluation(2, 0.3)],
    centralised: evaluation(0.9, 0.7),
  },
  startedAt: 0,
  seconds: 42,
  testRows: 40,
  incidents: [],
  missed: [],
});
