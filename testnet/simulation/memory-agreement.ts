import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  type AgreementMessage,
  type AgreementTerms,
  type Announcement,
  type ChainBytes,
  type ChainOutcome,
  digestOf,
  encodePage,
  type HeightName,
  Incomplete,
  type IncompleteOptions,
  isShort,
  type KnownParts,
  MAX_PAGE_ENTRIES,
  type Network,
  NOTHING_KNOWN,
  type PageRequest,
  parseAgreement,
  type SignedAnnouncement,
  type SignedStatement,
  type Statement,
  saidBy,
  sealAnnouncement,
  sealStatement,
  signedBytes,
  verifiedChain,
  wholeOf,
} from "../../src/gossip/index.ts";
import type { Digest, PeerId, Verdict } from "../../src/types.ts";

type Refusal = Parameters<Parameters<Network["onRefused"]>[0]>[1];

/**
 * What a simulated process has of mode `agreed`: the bytes and the door are the real ones. Nobody has the key of a
 * simulated peer: signatures are stand-ins that follow from author and bytes.
 */
export class MemoryAgreement {
  terms: AgreementTerms | null = null;
  judge: Parameters<Network["onAgreement"]>[0] | null = null;
  known: Parameters<Network["onKnownOfAgreement"]>[0] = () => NOTHING_KNOWN;
  tell: () => readonly Uint8Array[] = () => [];
  tellChain: (from: number, most: number) => readonly ChainBytes[] = () => [];
  readonly #peer: PeerId;
  readonly #known = new Set<Digest>();
  /** What certificates say that it has: one each is enough. */
  readonly #certified = new Set<string>();
  readonly #incomplete: Incomplete;

  constructor(peer: PeerId, wire: Omit<IncompleteOptions, "wholeOf">) {
    this.#peer = peer;
    const wholeOf = (bytes: Uint8Array) => wholeOnce(bytes, this.#agreed, this.known);
    this.#incomplete = new Incomplete({ ...wire, wholeOf });
  }

  sign<S extends Statement>(statement: S): SignedStatement<S> {
    const size = this.#agreed.rosterAt(statement.height)?.length;
    assert(size !== undefined, "the roster of the height is known");
    const signature = standIn(this.#peer, signedBytes(statement, size));
    return sealStatement(statement, this.#peer, signature, size);
  }

  /** An announcement with a signature in mode `agreed`, where a block may show it; in mode `gossip` nothing reads its bytes. */
  signAnnouncement(announcement: Announcement): SignedAnnouncement {
    if (this.terms === null) return { announcement, bytes: new Uint8Array() };
    return sealAnnouncement(announcement, (bytes) => standIn(this.#peer, bytes));
  }

  /** Something of this process's own: it is no news to it. */
  remember(bytes: Uint8Array): void {
    this.#known.add(digestOf(bytes));
  }

  /** Whether it listens and has not taken this before. */
  isNews(bytes: Uint8Array): boolean {
    return this.terms !== null && !this.#known.has(digestOf(bytes));
  }

  /** Why a message is not taken; null when it is. */
  hear(from: PeerId, bytes: Uint8Array): Refusal | null {
    const whole = isShort(bytes) ? wholeOnce(bytes, this.#agreed, this.known) : bytes;
    if (whole instanceof Uint8Array) return this.#hearWhole(from, whole, bytes);
    if (whole.reason !== "in-short") return whole;
    this.#incomplete.add(from, bytes);
    return null;
  }

  /** What it gives those who connect. */
  told(): readonly Uint8Array[] {
    return this.terms === null ? [] : this.tell();
  }

  verified(page: ChainOutcome): ChainOutcome {
    return verifiedChain(page, this.#agreed, isStandIn);
  }

  /** What it asks a peer for. */
  request(from: number): PageRequest {
    return { run: this.#agreed.run, from, most: MAX_PAGE_ENTRIES };
  }

  page({ run, from, most }: PageRequest): Uint8Array {
    return encodePage(run === this.terms?.run ? this.tellChain(from, most) : []);
  }

  /** As it came it may have been in short. */
  #hearWhole(from: PeerId, whole: Uint8Array, came: Uint8Array): Refusal | null {
    const parsed = parseOnce(whole, this.#agreed);
    if (parsed.verdict !== "accept") return parsed;
    const message = parsed.value;
    const said = "author" in message ? null : saidBy(message.certificate);
    if (said !== null && this.#certified.has(said)) return null;
    const verdict = this.judge?.(message, from);
    if (verdict !== undefined && verdict.verdict !== "accept") {
      return "author" in message ? { ...verdict, author: message.author } : verdict;
    }
    for (const bytes of new Set([whole, came])) this.remember(bytes);
    if (said !== null) this.#certified.add(said);
    if ("author" in message && message.statement.kind === "ballot") this.#incomplete.review();
    return null;
  }

  get #agreed(): AgreementTerms {
    assert(this.terms !== null, "agreementTerms comes first");
    return this.terms;
  }
}

// --- internal ---

/** What came of bytes that go round, with the roster that was asked for; hundreds of peers hear the same ones. */
interface Parsed {
  readonly run: Digest;
  readonly asked: { readonly height: number; readonly roster: readonly PeerId[] | null } | null;
  readonly verdict: Verdict<AgreementMessage>;
}

const parsedBefore = new WeakMap<Uint8Array, Parsed>();

/** The door's verdict, which depends on bytes, run and roster alone. */
function parseOnce(bytes: Uint8Array, terms: AgreementTerms): Verdict<AgreementMessage> {
  const { isCertain } = terms;
  const before = parsedBefore.get(bytes);
  if (before !== undefined && isOf(before, terms)) return before.verdict;
  let asked: Parsed["asked"] = null;
  const rosterAt = (height: number) => {
    const roster = terms.rosterAt(height);
    asked = { height, roster };
    return roster;
  };
  const door = { run: terms.run, rosterAt, ...(isCertain ? { isCertain } : {}) };
  const verdict = parseAgreement(bytes, door, { check: isStandIn });
  // what was refused for a guess another may know better
  if (verdict.verdict !== "accept") return verdict;
  parsedBefore.set(bytes, { run: terms.run, asked, verdict });
  return verdict;
}

/** What a message that came in short was put together of. */
interface Used {
  name: HeightName | null;
  readonly announced: Map<number, Digest>;
  readonly ballots: Map<number, Uint8Array>;
}

interface Whole extends Used {
  readonly name: HeightName;
  readonly bytes: Uint8Array;
}

const wholeBefore = new WeakMap<Uint8Array, Whole>();

/** The whole of a message, which follows from its bytes and what is known: hundreds of peers know the same. */
function wholeOnce(
  bytes: Uint8Array,
  terms: AgreementTerms,
  known: MemoryAgreement["known"],
): ReturnType<typeof wholeOf> {
  const before = wholeBefore.get(bytes);
  if (before !== undefined && isSame(before, known(before.name))) return before.bytes;
  const used: Used = { name: null, announced: new Map(), ballots: new Map() };
  const whole = wholeOf(bytes, terms, {
    ...{ check: isStandIn, glance: () => null },
    known: (name) => {
      const parts = known(name);
      used.name = { ...name };
      return parts && noted(parts, used);
    },
  });
  if (whole instanceof Uint8Array && used.name !== null) {
    wholeBefore.set(bytes, { ...used, name: used.name, bytes: whole });
  }
  return whole;
}

function noted(parts: KnownParts, { announced, ballots }: Used): KnownParts {
  return {
    announced: (place) => {
      const digest = parts.announced(place);
      if (digest !== undefined) announced.set(place, digest);
      return digest;
    },
    ballot: (place) => {
      const ballot = parts.ballot(place);
      if (ballot !== undefined) ballots.set(place, ballot.signature);
      return ballot;
    },
  };
}

/** Whether all that a message was put together of is known, and the same. */
function isSame({ announced, ballots }: Used, parts: KnownParts | null): boolean {
  if (parts === null) return false;
  for (const [place, digest] of announced) if (parts.announced(place) !== digest) return false;
  for (const [place, signature] of ballots) {
    const known = parts.ballot(place)?.signature;
    if (known === undefined || Buffer.compare(known, signature) !== 0) return false;
  }
  return true;
}

function isOf({ run, asked }: Parsed, terms: AgreementTerms): boolean {
  if (run !== terms.run) return false;
  if (asked === null) return true;
  const roster = terms.rosterAt(asked.height);
  return (
    roster?.length === asked.roster?.length &&
    (roster ?? []).every((peer, place) => peer === asked.roster?.[place])
  );
}

/** 64 bytes in place of a signature. */
function standIn(author: PeerId, signed: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash("sha512").update(author).update(signed).digest());
}

function isStandIn(author: PeerId, signed: Uint8Array, signature: Uint8Array): boolean {
  return Buffer.compare(standIn(author, signed), signature) === 0;
}
