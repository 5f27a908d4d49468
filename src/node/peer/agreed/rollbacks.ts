import {
  type AgreedPoint,
  type AgreedUpdates,
  type ChainHead,
  cutOf,
  type HeldPayload,
  type Link,
  quorumOf,
} from "../../../consensus/index.ts";
import { digestOf, digestOfPoint } from "../manifest.ts";
import type { PeerParts } from "../peer-parts.ts";
import type { MixedCut } from "./agreed-mixing.ts";
import type { ChainKeeper } from "./chain-keeper.ts";
import type { PayloadPool } from "./payload-pool.ts";
import { mixedAgain, mixedWithout, type RollbackGround, type Without } from "./rollback.ts";

/** Rounds that this node can mix again, and does where members have decided so. */
export class Rollbacks {
  readonly #parts: PeerParts;
  readonly #pool: PayloadPool;
  readonly #ground: RollbackGround;
  #told = "";
  /** What was mixed last: the next round that is tried is mixed on top of it. */
  #newest: (Without & { readonly height: number; readonly point: AgreedPoint }) | null = null;

  constructor(
    parts: PeerParts,
    { pool, chain, updates }: { pool: PayloadPool; chain: ChainKeeper; updates: AgreedUpdates },
  ) {
    const { run, store, config } = parts;
    this.#parts = parts;
    this.#pool = pool;
    this.#ground = {
      ...{ updates, run: config.run, runId: run },
      headBelow: (height) => chain.headBelow(height),
      links: (from) => chain.links(from),
      keptRound: (round) => store.keptRound(run, round),
    };
  }

  /** Keeps what mixing the round above a head again would take: the state, and the updates of its cut that are here. */
  keep(head: ChainHead, links: readonly Link[], { theta, velocity }: AgreedPoint): void {
    const { run, store, config } = this.#parts;
    const { keepRounds: rounds, keepBytes: bytes } = config.storage;
    const [link] = links;
    if (link === undefined || links.length > 1 || rounds === 0) return;
    const payloads = this.#payloadsOf(cutOf(link.block, quorumOf(head.members.peers.length)));
    store.keepRound({ run, round: head.height, theta, velocity, payloads }, { rounds, bytes });
  }

  /** Serves the updates that counted in the height below, also after a restart: who is slower may need them. */
  serveBelow({ height }: Pick<ChainHead, "height">): void {
    if (height === 0) return;
    const kept = this.#ground.keptRound(height - 1);
    for (const [digest, bytes] of kept?.payloads ?? []) {
      if (digestOf(bytes) === digest) this.#pool.serve(digest, bytes);
    }
  }

  /** The state after the open height if an author's updates since an earlier one are left out; null where that is not known here. */
  mix(
    without: Without,
    cut: readonly HeldPayload[],
    { head, point }: { readonly head: ChainHead; readonly point: AgreedPoint },
  ): MixedCut | null {
    const start = this.#startOf(without, head, point);
    if (typeof start === "string") return this.#say(start);
    const open = { without: without.without, cut, head, point: start };
    const mixed = mixedWithout(this.#ground, open, { payloads: this.#payloadsOf(cut) });
    if (typeof mixed === "string") return this.#say(mixed);
    const { norm } = head;
    return { ...(mixed ?? { point: start, checkpoint: digestOfPoint(start), norm }), cut };
  }

  // --- internal ---

  /** What the open height starts from without an author. */
  #startOf({ without, since }: Without, { height }: ChainHead, point: AgreedPoint) {
    if (since === height) return point;
    const newest = this.#newest;
    const isOnIt = newest?.without === without && newest.since === since && newest.height <= height;
    const start = mixedAgain(this.#ground, { without, since }, height, isOnIt ? newest : null);
    if (typeof start !== "string") this.#newest = { without, since, height, point: start };
    return start;
  }

  #payloadsOf(cut: readonly HeldPayload[]): ReadonlyMap<string, Uint8Array> {
    return new Map(
      cut.flatMap(({ payload }) => {
        const bytes = this.#pool.get(payload);
        return bytes === null ? [] : [[payload, bytes] as const];
      }),
    );
  }

  /** Why a rollback cannot be followed here, once: others can, or it is not made. */
  #say(reason: string): null {
    if (this.#told !== reason) this.#parts.log.warn({ reason }, "cannot mix these rounds again");
    this.#told = reason;
    return null;
  }
}
