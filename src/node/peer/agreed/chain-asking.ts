import type { ChainHead, Link } from "../../../consensus/index.ts";
import type { PeerId } from "../../../types.ts";
import { pause } from "../clock.ts";
import type { PeerParts } from "../peer-parts.ts";

/** Who has not answered after this while keeps nobody waiting: the next one is asked beside it. */
const NEXT_MS = 500;
/** The last ones that are asked get this long. */
const LAST_MS = 10_000;

/** Who is asked for what follows on a chain, and until when. */
export interface ChainQuestion {
  readonly peers: readonly PeerId[];
  /** So many answers are enough: one of them is an honest member's. */
  readonly enough: number;
  /** The newest block that is known to be final; with it no more is asked. Null while none is known. */
  readonly upTo: number | null;
}

/** The end of a chain. */
type Position = Pick<ChainHead, "height" | "parent">;
type Parts = Pick<PeerParts, "clock" | "log"> & {
  readonly network: Pick<PeerParts["network"], "fetchChain" | "peers">;
};

/** Asks others for final blocks. A liar may tell less than there is, or take its time; more than there is nobody can tell. */
export class ChainAsking {
  readonly #parts: Parts;
  readonly #signal: AbortSignal;
  #underWay: { readonly height: number; readonly over: AbortController } | null = null;

  /** The signal ends all questions. */
  constructor(parts: Parts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
  }

  /** What follows on the end of a chain; nothing where that is being asked already. Ends the question of another height. */
  async once(end: Position, question: ChainQuestion): Promise<readonly Link[]> {
    const { height } = end;
    if (this.#underWay?.height === height) return [];
    this.#underWay?.over.abort();
    const own = { height, over: new AbortController() };
    this.#underWay = own;
    const links = await this.after(end, question, own.over.signal);
    if (this.#underWay === own) this.#underWay = null;
    return links;
  }

  /** What follows on the end of a chain, by all that are connected. */
  anyone(end: Position, enough: number): Promise<readonly Link[]> {
    const peers = this.#parts.network.peers().map(({ peer }) => peer);
    return this.after(end, { peers, enough, upTo: null });
  }

  /**
   * What follows on the end of a chain: one after the other is asked for what follows on what those before had, so that
   * who has little, or takes its time, holds nobody back. Takes no longer than the number of peers allows.
   */
  async after(
    end: Position,
    { peers, enough, upTo }: ChainQuestion,
    signal: AbortSignal = this.#signal,
  ): Promise<readonly Link[]> {
    const { clock } = this.#parts;
    const links: Link[] = [];
    const over = new AbortController();
    const ended = AbortSignal.any([this.#signal, signal, over.signal]);
    let answers = 0;
    const ask = async (peer: PeerId): Promise<void> => {
      const from = end.height + links.length;
      const page = await this.#parts.network.fetchChain(peer, from, { signal: ended });
      if (!page.ok || ended.aborted) return;
      // others may have told some of it meanwhile
      const next = page.entries.slice(end.height + links.length - from);
      // who has something to go on with does not wait long for more: the next question begins with another peer
      if (links.length === 0 && next.length > 0) {
        void pause(clock, NEXT_MS, ended).then(() => over.abort());
      }
      if (isOn(links.at(-1)?.digest ?? end.parent, next)) links.push(...next);
      else this.#sawOther(peer, next);
      answers += 1;
      const isThere = upTo !== null && end.height + links.length > upTo;
      if (isThere || answers >= enough) over.abort();
    };
    const asked: Promise<void>[] = [];
    for (const peer of inTurn(peers, end.height)) {
      if (ended.aborted) break;
      const answered = ask(peer);
      asked.push(answered);
      await this.#within(NEXT_MS, answered, ended);
    }
    await this.#within(LAST_MS, Promise.all(asked), ended);
    over.abort();
    return links;
  }

  // --- internal ---

  /** Two chains that quorums have signed are for people to judge: this node stays with the one that it has. */
  #sawOther(peer: PeerId, [other]: readonly Link[]): void {
    this.#parts.log.error(
      { round: other?.block.height, peer },
      "a quorum has signed another chain than the one here: more members lie than the run bears, compare `klatch verify` of all",
    );
  }

  /** Waits for work, but not for long, and not when there is no need any more. */
  async #within(milliseconds: number, work: Promise<unknown>, ended: AbortSignal): Promise<void> {
    const done = new AbortController();
    const waited = pause(this.#parts.clock, milliseconds, AbortSignal.any([ended, done.signal]));
    await Promise.race([work, waited]);
    done.abort();
  }
}

// --- internal ---

/** The same, beginning with another one at each height. */
function inTurn<T>(all: readonly T[], height: number): readonly T[] {
  const first = height % Math.max(1, all.length);
  return [...all.slice(first), ...all.slice(0, first)];
}

/** Whether blocks, if any, follow on this one. */
function isOn(parent: Position["parent"], [next]: readonly Link[]): boolean {
  return next === undefined || next.block.parent === parent;
}
