import type { StatusSource } from "../../../src/node/http/status-server.ts";
import type {
  Machine,
  NodeStatus,
  PeerStatus,
  RoundRecord,
} from "../../../src/node/records/records.ts";
import type { Checkpoint, OwnUpdate } from "../../../src/node/store/contract.ts";

export const RUN = "a".repeat(64);
export const OTHER_RUN = "b".repeat(64);
export const PEERS = [
  "12D3KooWLmmAoYR4XQSzjBCUvN54u6oycubQnGv829J8LMhp8h4S",
  "12D3KooWGAX221r3r8b6iC7PsQct7Ebn5HBnDo8KHeckgbiD1uqM",
] as const;

/** An array that tells its round: round, round + 1/4, round + 1/2, ... (exact in float32). */
export function floats(round: number, length = 64): Float32Array {
  return Float32Array.from({ length }, (_, index) => round + index / 4);
}

export function sampleCheckpoint(round: number, run = RUN): Checkpoint {
  return {
    run,
    round,
    adapter: floats(round),
    optimizer: { step: 20 * round, firstMoment: floats(-round), secondMoment: floats(round + 1) },
    sequence: 1000 + round,
    memory: { residual: floats(round + 2) },
    ledger: `{"round":${round},"name":"Zoë"}`,
  };
}

export function sampleUpdate(round: number, run = RUN): OwnUpdate {
  return {
    run,
    round,
    sequence: 2000 + round,
    adapter: floats(round + 0.125),
    optimizer: { step: 20 * round, firstMoment: floats(round), secondMoment: floats(round) },
    trainLoss: 1.5,
    examples: 160,
    payload: Uint8Array.from({ length: 33 }, (_, index) => index),
    memory: { residual: floats(round + 3) },
  };
}

export function sampleRound(round: number): RoundRecord {
  return {
    round,
    startedAt: 1_000 * round,
    endedAt: 1_000 * round + 500,
    trainLoss: 2 / (round + 1),
    heldOutLoss: null,
    announced: [PEERS[1]],
    mixed: [{ peer: PEERS[1], share: 0.5 }],
    refused: [],
    bytesSent: 10,
    bytesReceived: 20,
  };
}

export function sampleStatus(change: Partial<NodeStatus> = {}): NodeStatus {
  const none = { examples: 0, tokens: 0, truncated: 0, skipped: 0, duplicates: 0, notes: [] };
  return {
    version: "0.1.0",
    peerId: PEERS[0],
    run: RUN,
    addresses: [`/ip4/127.0.0.1/tcp/7117/p2p/${PEERS[0]}`],
    startedAt: 0,
    state: "running",
    phase: "commit",
    round: 2,
    rounds: 10,
    mixedRounds: 2,
    soloRounds: 0,
    waitingFor: [PEERS[1]],
    deadline: 41_000,
    trainLoss: 1.83,
    heldOutLoss: null,
    evaluation: null,
    mode: "gossip",
    agreed: null,
    adapter: null,
    rule: "cs-plus",
    attackersMax: 0,
    certifiedAttackers: 0,
    model: { digest: "d".repeat(64), origin: null },
    data: {
      train: { ...none, examples: 90 },
      heldOut: { ...none, examples: 10 },
      test: none,
      testSeenInTraining: 0,
    },
    bytesSent: 2048,
    bytesReceived: 1024,
    peers: [samplePeer()],
    strangers: [],
    refusals: {},
    ...change,
  };
}

/** A node that has been given a status and nothing else, unless a test says what. */
export function sampleSource(change: Partial<StatusSource> = {}): StatusSource {
  const nothing = () => [];
  return {
    status: () => sampleStatus(),
    ...{ rounds: nothing, evidence: nothing, chain: nothing },
    machine: sampleMachine,
    ...change,
  };
}

export function sampleMachine(): Machine {
  const training = { weights: 1e6, activations: 2e6, optimiser: 3e5, total: 33e5, available: 8e9 };
  return { engine: "onnx:cpu", parameters: 656_000, adapterValues: 12_000, training };
}

/** What a node sees of another member that it mixes with. */
export function samplePeer(change: Partial<PeerStatus> = {}): PeerStatus {
  return {
    peer: PEERS[1],
    connected: true,
    neighbour: true,
    standing: "full",
    score: 0.5,
    opinion: { evidence: 1, bound: 200 },
    round: 1,
    lastReason: null,
    roundTripMs: 3.4,
    gossipScore: 0,
    lastDial: null,
    left: false,
    direction: null,
    address: null,
    version: null,
    clockOffsetMs: null,
    notes: [],
    barrier: false,
    reason: null,
    traffic: { sent: 1500, received: 800 },
    ...change,
  };
}
