import {
  type AgreedPoint,
  ballotsHolding,
  type ChainHead,
  cutOf,
  type HeldPayload,
  type Link,
  quorumOf,
  rollbackOf,
  sharesOfCut,
} from "../../../consensus/index.ts";
import type { Digest, PeerId } from "../../../types.ts";
import { bytesOfState, digestOf, digestOfState, digestsIn, recordOfPoint } from "../manifest.ts";
import type { PeerParts } from "../peer-parts.ts";
import type { AgreedMixing, MixedCut } from "./agreed-mixing.ts";
import type { PayloadPool } from "./payload-pool.ts";
import type { Rollbacks } from "./rollbacks.ts";

/** Finds the state that a final block names: mixed here, or taken from whoever has it. */
export class Succession {
  readonly #parts: PeerParts;
  readonly #pool: PayloadPool;
  readonly #mixing: AgreedMixing;
  readonly #rollbacks: Rollbacks;
  /** What cuts of the open height mix to. */
  #mixed: MixedCut[] = [];

  constructor(
    parts: PeerParts,
    rooms: {
      readonly pool: PayloadPool;
      readonly mixing: AgreedMixing;
      readonly rollbacks: Rollbacks;
    },
  ) {
    this.#parts = parts;
    this.#pool = rooms.pool;
    this.#mixing = rooms.mixing;
    this.#rollbacks = rooms.rollbacks;
  }

  /** Remembers what a cut of the open height mixes to. */
  note(mixed: MixedCut): void {
    this.#mixed.push(mixed);
  }

  /**
   * The state after final blocks; null when nobody has it now. A node that mixes to something else says so and takes
   * the certified one.
   */
  async after(
    head: ChainHead,
    links: readonly Link[],
    point: AgreedPoint,
  ): Promise<AgreedPoint | null> {
    const last = links.at(-1);
    if (last === undefined || last.block.checkpoint === head.checkpoint) return point;
    const { checkpoint } = last.block;
    const known = this.#mixed.find((each) => each.checkpoint === checkpoint);
    const next =
      known?.point ??
      (await this.#mixAgain(head, links, point)) ??
      (await this.#fetch(head, checkpoint, point));
    if (next === null) return null;
    this.#mixed = [];
    this.#pool.advance();
    this.serve(next);
    return next;
  }

  /** Serves a state to those that are behind: they may have it from nobody else. */
  serve(point: AgreedPoint): void {
    const { theta, velocity } = point;
    const record = recordOfPoint(point);
    if (record === null || velocity === null) {
      this.#pool.serve(digestOfState(theta), bytesOfState(theta));
      return;
    }
    const [first, second] = digestsIn(record);
    this.#pool.serve(digestOf(record), record);
    this.#pool.serve(first, bytesOfState(theta));
    this.#pool.serve(second, bytesOfState(velocity));
  }

  // --- internal ---

  /** Of one block: what its cut mixes to here, when that is the certified state. */
  async #mixAgain(
    head: ChainHead,
    links: readonly Link[],
    point: AgreedPoint,
  ): Promise<AgreedPoint | null> {
    const [link] = links;
    if (link === undefined || links.length > 1) return null;
    const { block } = link;
    const quorum = quorumOf(head.members.peers.length);
    const cut = cutOf(block, quorum);
    for (const each of cut) {
      const bytes = block.payloads.find(({ payload }) => payload === each.payload)?.bytes ?? 0;
      const wanted = { payload: each.payload, bytes };
      // members keep payloads of few heights: without one of the cut, the state is to be had as a whole
      if ((await this.#pool.fetch(wanted, this.#holders(head, link, each))) !== null) return null;
    }
    const places = cut.map(({ place }) => place);
    const rollback = rollbackOf(block);
    const mixed =
      rollback === null
        ? this.#mixing.mix(cut, sharesOfCut(head.levels, places, quorum), head, point)
        : this.#rollbacks.mix(rollback, cut, { head, point });
    if (mixed === null) return null;
    if (mixed.checkpoint === block.checkpoint) return mixed.point;
    this.#parts.log.error(
      { round: head.height + 1, here: mixed.checkpoint, certified: block.checkpoint },
      "this node mixes to another state than a quorum: it takes theirs; its arithmetic is odd",
    );
    return null;
  }

  #holders({ members }: ChainHead, { block }: Link, wanted: HeldPayload): readonly PeerId[] {
    const holding = ballotsHolding(block.ballots, wanted);
    const places = [wanted.place, ...holding.map(({ place }) => place)];
    const { peerId } = this.#parts.network;
    const peers = [...new Set(places)].map((place) => members.peers[place]);
    return peers.filter((peer): peer is PeerId => peer !== undefined && peer !== peerId);
  }

  /** A point from whoever has it: its state alone, or the digests of state and velocity, and then these. */
  async #fetch(
    head: ChainHead,
    checkpoint: Digest,
    { theta, velocity }: AgreedPoint,
  ): Promise<AgreedPoint | null> {
    const { length } = theta;
    if (velocity === null) {
      const state = await this.#array(head, checkpoint, length);
      return state && { theta: state, velocity };
    }
    const record = await this.#bytes(head, checkpoint, RECORD_BYTES);
    if (record === null) return null;
    const [first, second] = digestsIn(record);
    const state = await this.#array(head, first, length);
    const moved = state && (await this.#array(head, second, length));
    return state && moved && { theta: state, velocity: moved };
  }

  async #array(head: ChainHead, digest: Digest, length: number): Promise<Float32Array | null> {
    const bytes = await this.#bytes(head, digest, length * Float32Array.BYTES_PER_ELEMENT);
    return bytes && new Float32Array(bytes.slice().buffer);
  }

  /** Bytes of a digest, from any member that is connected. */
  async #bytes({ members }: ChainHead, payload: Digest, bytes: number): Promise<Uint8Array | null> {
    const { network } = this.#parts;
    const peers = network.peers().map(({ peer }) => peer);
    // each begins with another, so that not all ask the same; members of later heights are connected too
    const self = members.peers.indexOf(network.peerId);
    const inTurn = [...members.peers.slice(self + 1), ...members.peers.slice(0, Math.max(0, self))];
    const others = peers.filter((peer) => !members.peers.includes(peer));
    await this.#pool.fetch({ payload, bytes }, [
      ...inTurn.filter((peer) => peers.includes(peer)),
      ...others,
    ]);
    return this.#pool.get(payload);
  }
}

/** The digests of state and velocity. */
const RECORD_BYTES = 64;
