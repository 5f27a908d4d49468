import assert from "node:assert/strict";
import type { Digest, PeerId, Standing, Timestamp } from "../../types.ts";
import type { RoundTiming } from "./config.ts";
import { type FetchTable, fetchTable } from "./fetches.ts";
import { type NeighbourTable, neighbourTable } from "./neighbours.ts";
import { UNTRIED } from "./patience.ts";

/** Whom a node exchanges with. */
export interface Neighbourhood {
  /** The order does not matter. */
  readonly neighbours: readonly PeerId[];
  /** The b of the run: neighbours that may do anything, together. */
  readonly attackersMax: number;
}

/** What the protocol of one node needs to know before it starts. */
export interface RoundConfig extends Neighbourhood {
  readonly self: PeerId;
  /** Where the neighbourhood does not stay: that of each round. */
  readonly later?: {
    /** All that are neighbours in some round, or have this node as one. */
    readonly everyone: readonly PeerId[];
    readonly at: (round: number) => Neighbourhood;
  };
  /** Rounds of the whole run; they are counted from 0. */
  readonly rounds: number;
  /** Neighbours without which round 0 does not end, as far as there are so many in standing; half of them unless said. */
  readonly startOthers?: number;
  readonly timing: RoundTiming;
}

/** Where a restarted node goes on. */
export interface ResumePoint {
  readonly round: number;
  /** The payload that this node already made for the round: it is announced again instead of training twice. */
  readonly payload?: Digest;
  /** How long training a round takes here, when known from before, in milliseconds. */
  readonly trainingMs?: number;
  /** Standings other than `full`, from the ledger. */
  readonly standings?: ReadonlyMap<PeerId, Standing>;
  /** Whether the node makes no update for the round, and takes over what the others have. */
  readonly adopting?: boolean;
}

export type Phase = "idle" | "train" | "commit" | "fetch" | "mix" | "done";

/** The whole state of the protocol; readonly data, made by `createRound`, changed by `step` alone. */
export interface RoundState {
  readonly config: RoundConfig;
  readonly phase: Phase;
  readonly round: number;
  /** The b of this round. */
  readonly attackersMax: number;
  /** When the phase began. */
  readonly phaseAt: Timestamp;
  /** Until when the phase waits; null when it waits for this node's own work. */
  readonly deadline: Timestamp | null;
  /** The node's own payload of the round; null until it is trained. */
  readonly payload: Digest | null;
  /** The own payload of the round before; null when there was none. */
  readonly lastPayload: Digest | null;
  /** Last duration of training, milliseconds; null before the first. */
  readonly trainingMs: number | null;
  /** Neighbours that were expected when the commit phase closed and had not announced. */
  readonly absent: readonly PeerId[];
  /** Until when an announcement for the round counts as punctual although the commit phase is over. */
  readonly punctualUntil: Timestamp;
  /** The same of the round before. */
  readonly lastPunctualUntil: Timestamp;
  /** Whether absence may be held against a peer in this round (false while this node itself may be the one cut off). */
  readonly accusable: boolean;
  /** True in the first round after a restart, in which this node may have missed announcements. */
  readonly resumed: boolean;
  /** True in a round in which this node, late by many, makes no update and takes over the others' state. */
  readonly adopting: boolean;
  /** The last round that this node did, before those that it left out to catch up; null in rounds that follow one another. */
  readonly leftOffAt: number | null;
  /** Whether the others were in a later round already when the last round ended here. */
  readonly wasBehind: boolean;
  readonly fetches: FetchTable;
  /** By peer id, sorted; counted for this round. */
  readonly neighbours: NeighbourTable;
}

/** What `status` shows of the protocol. */
export interface RoundView {
  readonly phase: "train" | "commit" | "fetch" | "mix" | "vote" | "done";
  readonly round: number;
  readonly waitingFor: readonly PeerId[];
  readonly deadline: Timestamp | null;
  /** Neighbours whose announcement for the round is known. */
  readonly announced: readonly PeerId[];
}

/** Compares peer ids by UTF-16 code unit: the same order on every machine. */
export function byPeer(a: PeerId, b: PeerId): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Whom the node exchanges with in a round. */
export function neighbourhoodAt(config: RoundConfig, round: number): Neighbourhood {
  return config.later?.at(round) ?? config;
}

/**
 * A protocol that has not started; the first event it expects is `started`.
 *
 * @param from - where a restarted node goes on; round 0 without it
 */
export function createRound(config: RoundConfig, from: ResumePoint = { round: 0 }): RoundState {
  assert.ok(Number.isSafeInteger(config.rounds) && config.rounds >= 0, "rounds is a count");
  assert.ok(Number.isSafeInteger(from.round) && from.round >= 0, "rounds are counted from 0");
  const peers = [...checkedNeighbours(config), ...(config.later?.everyone ?? [])];
  assert.ok(!peers.includes(config.self), "a node is not its own neighbour");
  const { neighbours, attackersMax } = neighbourhoodAt(config, from.round);
  const fresh = {
    hasLeft: false,
    newestRound: -1,
    announcing: UNTRIED,
    serving: UNTRIED,
    arrivals: [],
  };
  return {
    config,
    phase: "idle",
    round: from.round,
    attackersMax,
    phaseAt: 0,
    deadline: null,
    payload: from.payload ?? null,
    lastPayload: null,
    trainingMs: from.trainingMs ?? null,
    absent: [],
    punctualUntil: 0,
    lastPunctualUntil: 0,
    accusable: false,
    resumed: from.payload !== undefined || from.round > 0,
    adopting: from.adopting ?? false,
    leftOffAt: null,
    wasBehind: false,
    fetches: fetchTable([]),
    neighbours: neighbourTable(
      [...new Set(peers)].sort(byPeer).map((peer) => {
        const standing = from.standings?.get(peer) ?? "full";
        return [peer, { ...fresh, standing, isMember: neighbours.includes(peer) }];
      }),
      from.round,
      config.timing,
    ),
  };
}

function checkedNeighbours({ neighbours, attackersMax }: Neighbourhood): readonly PeerId[] {
  assert.ok(Number.isSafeInteger(attackersMax) && attackersMax >= 0, "attackersMax is a count");
  assert.equal(new Set(neighbours).size, neighbours.length, "each neighbour is listed once");
  return neighbours;
}
