import type { Digest, PeerId, Verdict } from "../../types.ts";
import type { Roster } from "../graph/roster.ts";

/** A signed announcement, as far as the protocol reads it. */
export interface Signed {
  readonly announcement: {
    readonly run: Digest;
    readonly author: PeerId;
    readonly round: number;
    readonly sequence: number;
    readonly payload: Digest;
  };
}

/** What an announcement is judged against. */
export interface RunTerms {
  readonly run: Digest;
  readonly rounds: number;
  readonly roster: Pick<Roster, "isMember">;
}

/** Rounds behind the node's own for which announcements are still of use to anyone. */
const PAST_ROUNDS_KEPT = 2;
/**
 * Rounds ahead of the node's own whose announcements are kept one and all; of those beyond, the newest of each
 * author.
 */
const NEXT_ROUNDS_KEPT = 1;

/** Two signed announcements of one author for one round: proof for anyone. */
export interface Equivocation<S extends Signed = Signed> {
  readonly first: S;
  readonly second: S;
}

/** The announcements of a run that this node holds; bounded by members. Decides what is heard and passed on. */
export class AnnouncementBook<S extends Signed = Signed> {
  readonly #terms: RunTerms;
  readonly #byAuthor = new Map<PeerId, S[]>();
  readonly #equivocations = new Map<PeerId, Equivocation<S>>();

  constructor(terms: RunTerms) {
    this.#terms = terms;
  }

  /**
   * Judges an announcement that passed the door. `fresh` tells news from a repetition. Nothing is rejected: what a
   * node makes of an announcement depends on what it heard before and on its round, so that whoever passes it on is
   * not at fault.
   */
  judge(signed: S, ownRound: number): Verdict<{ readonly fresh: boolean }> {
    const { announcement } = signed;
    const { run, rounds, roster } = this.#terms;
    if (announcement.run !== run) return { verdict: "ignore", reason: "other-run" };
    if (!roster.isMember(announcement.author, announcement.round)) {
      return { verdict: "ignore", reason: "not-member" };
    }
    if (announcement.round >= rounds) return { verdict: "ignore", reason: "future-round" };
    if (announcement.round < ownRound - PAST_ROUNDS_KEPT) {
      return { verdict: "ignore", reason: "past-round" };
    }
    return this.#file(signed, ownRound);
  }

  /** Newest round announced by each author. */
  newestRounds(): ReadonlyMap<PeerId, number> {
    return new Map(
      [...this.#byAuthor].map(([author, kept]) => [
        author,
        Math.max(...kept.map(({ announcement }) => announcement.round)),
      ]),
    );
  }

  /** The announcement of an author for a round. */
  of(author: PeerId, round: number): S | undefined {
    return this.#byAuthor.get(author)?.find(({ announcement }) => announcement.round === round);
  }

  equivocation(author: PeerId): Equivocation<S> | undefined {
    return this.#equivocations.get(author);
  }

  // --- internal ---

  #file(signed: S, ownRound: number): Verdict<{ readonly fresh: boolean }> {
    const { author, round, sequence, payload } = signed.announcement;
    const kept = this.#byAuthor.get(author) ?? [];
    const same = kept.find(({ announcement }) => announcement.round === round);
    if (same?.announcement.payload === payload) {
      // After a restart an author says the same again; under ever new numbers it would be passed on for ever.
      return same.announcement.sequence === sequence
        ? { verdict: "accept", value: { fresh: false } }
        : { verdict: "ignore", reason: "replay" };
    }
    if (same !== undefined) {
      // One pair is proof enough.
      if (this.#equivocations.has(author)) return { verdict: "ignore", reason: "equivocation" };
      this.#equivocations.set(author, { first: same, second: signed });
      return { verdict: "accept", value: { fresh: true } };
    }
    const newest = kept[0]?.announcement;
    if (newest !== undefined && contradicts(signed.announcement, newest)) {
      return { verdict: "ignore", reason: "contradiction" };
    }
    const place = kept.filter(({ announcement }) => announcement.round > round).length;
    this.#byAuthor.set(author, kept.toSpliced(place, 0, signed).filter(isKept(ownRound)));
    return { verdict: "accept", value: { fresh: true } };
  }
}

/**
 * Whether two rounds of one author come in another order than their sequence numbers, which grow from round to round.
 */
function contradicts(
  { round, sequence }: Signed["announcement"],
  newest: Signed["announcement"],
): boolean {
  return round > newest.round ? sequence <= newest.sequence : sequence > newest.sequence;
}

/** Far rounds must not push the near ones out: a second announcement of those would not be found out. */
function isKept(ownRound: number): (signed: Signed, place: number) => boolean {
  return ({ announcement: { round } }, place) =>
    place === 0 || (round >= ownRound - PAST_ROUNDS_KEPT && round <= ownRound + NEXT_ROUNDS_KEPT);
}
