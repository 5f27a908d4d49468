import type { RoundRecord, RunRecord } from "../../src/node/records/records.ts";
import type { Store } from "../../src/node/store/contract.ts";
import { createRandom } from "../../testnet/random.ts";

/** The run whose files are kept. */
export const RUN = "a".repeat(64);
/** The round that the node was in. */
export const OPEN_ROUND = 40;
const ROUNDS_KEPT = { rounds: 8, bytes: 2 ** 20 };

/** Keeps what forty rounds leave, and what a node in mode `agreed` has said since. */
export function keepRun(store: Store, peer: string): void {
  const random = createRandom(1, "run");
  const bytes = (length: number) => Uint8Array.from({ length }, () => Math.floor(random() * 256));
  const floats = (length = 64) => Float32Array.from({ length }, () => random() - 0.5);
  const state = () => ({
    adapter: floats(),
    optimizer: { step: 20, firstMoment: floats(), secondMoment: floats() },
  });
  store.saveRun(RUN, recordOf(peer));
  for (let round = 0; round < OPEN_ROUND; round += 1) {
    store.appendEvidence(RUN, { peer, round, kind: "late", at: 1000 * round, detail: "slow" });
    store.appendChain(RUN, [{ height: round, block: bytes(600), certificate: bytes(200) }]);
    const payloads = new Map([["b".repeat(64), bytes(64)]]);
    store.keepRound(
      { run: RUN, round, theta: floats(), velocity: floats(), payloads },
      ROUNDS_KEPT,
    );
    const next = { run: RUN, round: round + 1, sequence: 1000 + round };
    const memory = { velocity: floats() };
    store.commitRound(
      { ...next, ...state(), memory, ledger: `{"round":${round}}` },
      roundOf(round, peer),
    );
  }
  store.saveResult(RUN, { rounds: OPEN_ROUND, evaluation: null });
  const open = { run: RUN, round: OPEN_ROUND, ...state() };
  const progress = { start: "c".repeat(64), steps: 8, watch: null };
  store.saveTraining({ ...open, ...progress, lossSum: 12.5, examples: 80, seconds: 3 });
  const facts = { sequence: 5000, trainLoss: 1.5, examples: 160, payload: bytes(80), memory: {} };
  store.saveUpdate({ ...open, ...facts });
  for (let each = 0; each < 24; each += 1) store.appendSaid(RUN, OPEN_ROUND, bytes(300));
}

// --- internal ---

function roundOf(round: number, peer: string): RoundRecord {
  return {
    ...{ round, startedAt: 1e12 + 1000 * round, endedAt: 1e12 + 1000 * round + 500 },
    ...{ trainLoss: 2 / (round + 1), heldOutLoss: null, announced: [peer] },
    ...{ mixed: [{ peer, share: 0.5 }], refused: [], bytesSent: 1234, bytesReceived: 4321 },
  };
}

function recordOf(peerId: string): RunRecord {
  const data = { examples: 90, tokens: 900, truncated: 0, skipped: 0, duplicates: 0, notes: [] };
  const none = { ...data, examples: 0, tokens: 0 };
  return {
    savedAt: 1.7e12,
    classes: null,
    settings: { model: "models/small", run: { name: "notes" }, data: { train: ["notes.jsonl"] } },
    layout: ["base_model.model.a.lora_A.weight 2 32"],
    status: {
      ...{ version: "0.1.0", peerId, run: RUN, addresses: ["/ip4/192.0.2.7/tcp/7117"] },
      ...{ startedAt: 1.7e12, state: "running", phase: "train", round: OPEN_ROUND, rounds: 60 },
      ...{ mixedRounds: 40, soloRounds: 0, waitingFor: [], deadline: null, trainLoss: 1.83 },
      ...{ heldOutLoss: null, evaluation: null, mode: "agreed", agreed: null, adapter: null },
      ...{ rule: "cs-plus", attackersMax: 1, certifiedAttackers: 1 },
      model: { digest: "d".repeat(64), origin: null },
      data: { train: data, heldOut: none, test: none, testSeenInTraining: 0 },
      ...{ bytesSent: 2048, bytesReceived: 1024, peers: [], strangers: [], refusals: {} },
    },
  };
}
