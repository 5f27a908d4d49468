import {
  type ChainHead,
  cutOf,
  type HeldPayload,
  type Link,
  quorumOf,
  sharesOfCut,
} from "../../../consensus/index.ts";
import type { PeerId } from "../../../types.ts";
import { digestOfState } from "../manifest.ts";
import type { PeerParts } from "../peer-parts.ts";
import type { AgreedMixing, MixedCut } from "./agreed-mixing.ts";
import type { PayloadPool } from "./payload-pool.ts";

/** Finds the state that a final block names: mixed here, or taken from whoever has it. */
export class Succession {
  readonly #parts: PeerParts;
  readonly #pool: PayloadPool;
  readonly #mixing: AgreedMixing;
  readonly #roster: readonly PeerId[];
  /** What cuts of the open height mix to. */
  #mixed: MixedCut[] = [];

  constructor(
    parts: PeerParts,
    rooms: {
      readonly pool: PayloadPool;
      readonly mixing: AgreedMixing;
      readonly roster: readonly PeerId[];
    },
  ) {
    this.#parts = parts;
    this.#pool = rooms.pool;
    this.#mixing = rooms.mixing;
    this.#roster = rooms.roster;
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
    theta: Float32Array,
  ): Promise<Float32Array | null> {
    const last = links.at(-1);
    if (last === undefined || last.block.checkpoint === head.checkpoint) return theta;
    const { checkpoint } = last.block;
    const known = this.#mixed.find((each) => each.checkpoint === checkpoint);
    const state =
      known?.state ??
      (await this.#mixAgain(head, links, theta)) ??
      (await this.#fetch(checkpoint, theta.length));
    if (state === null) return null;
    this.#mixed = [];
    this.#pool.advance();
    this.#pool.serve(checkpoint, bytesOf(state));
    return state;
  }

  // --- internal ---

  /** Of one block: what its cut mixes to here, when that is the certified state. */
  async #mixAgain(
    head: ChainHead,
    links: readonly Link[],
    theta: Float32Array,
  ): Promise<Float32Array | null> {
    const [link] = links;
    if (link === undefined || links.length > 1) return null;
    const { block } = link;
    const quorum = quorumOf(this.#roster.length);
    const cut = cutOf(block.ballots, quorum);
    for (const each of cut) {
      const bytes = block.payloads.find(({ payload }) => payload === each.payload)?.bytes ?? 0;
      await this.#pool.fetch({ payload: each.payload, bytes }, this.#holders(link, each));
    }
    const places = cut.map(({ place }) => place);
    const mixed = this.#mixing.mix(cut, sharesOfCut(head.levels, places, quorum), head, theta);
    if (mixed === null) return null;
    if (mixed.checkpoint === block.checkpoint) return mixed.state;
    this.#parts.log.error(
      { round: head.height + 1, here: mixed.checkpoint, certified: block.checkpoint },
      "this node mixes to another state than a quorum: it takes theirs; its arithmetic is odd",
    );
    return null;
  }

  #holders({ block }: Link, { place, payload }: HeldPayload): readonly PeerId[] {
    const holding = block.ballots.filter(({ held }) =>
      held.some((each) => each.place === place && each.payload === payload),
    );
    return this.#peersAt([place, ...holding.map((ballot) => ballot.place)]);
  }

  #peersAt(places: readonly number[]): readonly PeerId[] {
    const { peerId } = this.#parts.network;
    const peers = [...new Set(places)].map((place) => this.#roster[place]);
    return peers.filter((peer): peer is PeerId => peer !== undefined && peer !== peerId);
  }

  async #fetch(checkpoint: string, length: number): Promise<Float32Array | null> {
    const { network } = this.#parts;
    const wanted = { payload: checkpoint, bytes: length * Float32Array.BYTES_PER_ELEMENT };
    const peers = network.peers().map(({ peer }) => peer);
    // each begins with another, so that not all ask the same
    const self = this.#roster.indexOf(network.peerId);
    const inTurn = [...this.#roster.slice(self + 1), ...this.#roster.slice(0, Math.max(0, self))];
    await this.#pool.fetch(
      wanted,
      inTurn.filter((peer) => peers.includes(peer)),
    );
    const bytes = this.#pool.get(checkpoint);
    if (bytes === null) return null;
    const state = new Float32Array(bytes.slice().buffer);
    return digestOfState(state) === checkpoint ? state : null;
  }
}

function bytesOf(state: Float32Array): Uint8Array {
  return new Uint8Array(state.buffer, state.byteOffset, state.byteLength);
}
