import type { Evidence } from "../../../types.ts";
import type {
  ChainBlock,
  Curves,
  Machine,
  NodeEvent,
  NodeStatus,
  RoundRecord,
} from "../../records/records.ts";

/** What a machine tells with what the process takes of it. */
export interface MachineNow extends Machine {
  readonly process: {
    readonly residentBytes: number;
    readonly heapBytes: number;
    readonly uptimeSeconds: number;
    readonly diskFreeBytes: number | null;
  };
}

/** All that the dashboard and `klatch top` show, as the node told it. */
export interface Model {
  readonly status: NodeStatus;
  readonly curves: Curves;
  /** The last ones, oldest first; so everywhere. */
  readonly rounds: readonly RoundRecord[];
  readonly evidence: readonly Evidence[];
  readonly chain: readonly ChainBlock[];
  readonly machine: MachineNow;
}

/** Of each list so many are kept. */
export const ROUNDS_SHOWN = 12;
export const EVIDENCE_SHOWN = 50;
export const BLOCKS_SHOWN = 10;
const POINTS_MAX = 2000;

/** What a phase is, for who does not know the protocol. */
export const PHASE_WORDS = {
  train: "trains on its own data",
  commit: "waits for announcements",
  fetch: "fetches updates",
  mix: "mixes updates",
  vote: "votes on the round",
  done: "is done",
} as const;

/** The model after something has happened in the node. */
export function modelAfter(model: Model, event: NodeEvent): Model {
  switch (event.type) {
    case "state":
      return withStatus(model, { state: event.state });
    case "phase": {
      const { round, phase, at } = event;
      const { status } = model;
      const phases = round === status.round ? (status.phases ?? []) : [];
      return withStatus(model, { round, phase, phases: [...phases, { phase, at }] });
    }
    case "round": {
      const { type, ...record } = event;
      if (record.round <= (model.rounds.at(-1)?.round ?? 0)) return model;
      const rounds = [...model.rounds, record].slice(-ROUNDS_SHOWN);
      return { ...model, rounds, curves: withPoint(model.curves, record) };
    }
    case "evidence": {
      const { type, ...seen } = event;
      return { ...model, evidence: [...model.evidence, seen].slice(-EVIDENCE_SHOWN) };
    }
    case "peer":
      return model;
  }
}

// --- internal ---

function withStatus(model: Model, change: Partial<NodeStatus>): Model {
  return { ...model, status: { ...model.status, ...change } };
}

function withPoint(curves: Curves, record: RoundRecord): Curves {
  const add = <T>(column: readonly T[], value: T) => [...column, value].slice(-POINTS_MAX);
  const { round, startedAt, endedAt, trainLoss, heldOutLoss, mixed } = record;
  return {
    round: add(curves.round, round),
    endedAt: add(curves.endedAt, endedAt),
    seconds: add(curves.seconds, (endedAt - startedAt) / 1000),
    trainLoss: add(curves.trainLoss, trainLoss),
    heldOutLoss: add(curves.heldOutLoss, heldOutLoss),
    mixed: add(curves.mixed, mixed.length),
    bytesSent: add(curves.bytesSent, record.bytesSent),
    bytesReceived: add(curves.bytesReceived, record.bytesReceived),
  };
}
