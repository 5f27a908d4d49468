import { ROUNDS_REMEMBERED, sampled, UNLEARNT, unlearnt } from "../../consensus/index.ts";
import type { PeerId } from "../../types.ts";

/** What was sent in the last rounds, as far as it is looked at: who sends nothing that it learnt. */
export class SentBefore {
  /** The newest round first. */
  #rounds: readonly ReadonlyMap<PeerId, Float32Array>[] = [];

  /**
   * Why updates look like nothing that was learnt, by author, in words for a person; keeps what is looked at for the next
   * round.
   */
  judge(updates: ReadonlyMap<PeerId, Float32Array>): ReadonlyMap<PeerId, string> {
    const now = new Map([...updates].map(([peer, update]) => [peer, sampled(update)]));
    const sent = [...now].map(([peer, update]) => ({
      now: update,
      before: this.#rounds.flatMap((round) => round.get(peer) ?? []),
    }));
    const verdicts = unlearnt(sent);
    this.#rounds = [now, ...this.#rounds].slice(0, ROUNDS_REMEMBERED);
    return new Map(
      [...now.keys()].flatMap((peer, i) => {
        const verdict = verdicts[i] ?? null;
        return verdict === null ? [] : [[peer, UNLEARNT[verdict]] as const];
      }),
    );
  }
}
