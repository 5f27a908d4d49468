import type { PeerId, Timestamp, Verdict } from "../../types.ts";
import { TokenBuckets } from "../connections/token-bucket.ts";
import type { Refusal } from "../contract.ts";
import { type Arrival, type Judged, MessageDoor } from "../topics/message-door.ts";
import { saidBy } from "./certificate.ts";
import { isShort, type KnownParts } from "./in-short.ts";
import { Incomplete } from "./incomplete.ts";
import type { AgreementMessage, AgreementTerms, Certificate, HeightName } from "./messages.ts";
import { type Fault, MAX_AGREEMENT_BYTES, parseAgreement, type Said, wholeOf } from "./parse.ts";
import { Signatures } from "./signatures.ts";

/** A height of the largest rosters in use: a list, a ballot and four views of four statements, of 200 members. */
const MAX_REMEMBERED = 4096;
/** Of one author about one height: a list, a ballot, and of each view a proposal and three votes; views take 2 s or more. */
const OF_AUTHOR = { burst: 64, refillMs: 250 };
/** Of a neighbour, which may bring what all members say: twice an exchange at once, then 200 members' views of 2 s. */
const OF_RELAYER = { burst: 4096, refillMs: 2 };
/** Of a neighbour, certificates and proposals, which cost up to 60 ms each: of a view there are four that say something. */
const OF_COSTLY = { burst: 128, refillMs: 250 };
/** Certificates, by what they say, of which one is enough. */
const MAX_CERTIFIED = 4096;

export interface AgreementDoorOptions {
  readonly now: () => Timestamp;
  readonly judge: (message: AgreementMessage, from: PeerId) => Verdict<void>;
  /** What is known of a height, for what comes in short; null where it is over. */
  readonly known: (name: HeightName) => KnownParts | null;
  /** A member said something in short that takes more than is known here: it is to be asked for all of it. */
  readonly onLost: (from: PeerId) => void;
  /** Runs something some milliseconds later. */
  readonly later: (milliseconds: number, run: () => void) => void;
  readonly onRefused: (from: PeerId, refusal: Refusal) => void;
  readonly onFlood: (from: PeerId) => void;
}

/**
 * Every statement and certificate enters here, by gossip or by exchange: checked, judged once, counted. The roster
 * alone says who is heard: a member that this node avoids still has its vote.
 */
export class AgreementDoor {
  /** Null in mode `gossip`: nothing is taken. */
  terms: AgreementTerms | null = null;
  readonly #options: AgreementDoorOptions;
  readonly #door: MessageDoor;
  readonly #ofAuthor = new TokenBuckets(OF_AUTHOR);
  readonly #ofCostly = new TokenBuckets(OF_COSTLY);
  readonly #signatures = new Signatures();
  readonly #certified = new Set<string>();
  readonly #incomplete: Incomplete;

  constructor(options: AgreementDoorOptions) {
    this.#options = options;
    this.#incomplete = new Incomplete({
      ...options,
      wholeOf: (bytes) => this.#wholeOf(bytes),
      // its author has paid for it
      onWhole: (from, bytes) => void this.admit(bytes, { from }),
    });
    this.#door = new MessageDoor({
      ...options,
      maxBytes: MAX_AGREEMENT_BYTES,
      maxRemembered: MAX_REMEMBERED,
      // votes and certificates are said again until the height is final
      isSaidOnce: false,
      ofRelayer: OF_RELAYER,
      judge: (bytes, arrival, earlier) => this.#judge(bytes, arrival, earlier),
    });
  }

  /** This node's own message: known when it comes back. */
  remember(bytes: Uint8Array): void {
    this.#door.remember(bytes);
  }

  /** Judges one message. Takes any bytes; never throws. */
  admit(bytes: Uint8Array, arrival: Arrival): Promise<Verdict<void>> {
    return this.#door.admit(bytes, arrival);
  }

  #judge(bytes: Uint8Array, arrival: Arrival, earlier: Verdict<void> | null): Judged {
    if (this.terms === null) return NOT_AGREED;
    let author: PeerId | null = null;
    const parsed = parseAgreement(bytes, this.terms, {
      check: this.#signatures.check,
      known: this.#options.known,
      glance: (message) => {
        if (!("statement" in message)) return this.#glanceAtCertificate(message, arrival.from);
        const isCostly = message.statement.kind === "proposal";
        if (isCostly && !this.#ofCostly.take(arrival.from, this.#options.now())) return FLOOD;
        author = message.author;
        return this.#glanceAtStatement(message, earlier);
      },
    });
    if (parsed.verdict !== "accept") {
      const { reason } = parsed;
      // whoever handed it on put another block into the author's proposal
      if (reason === "digest-mismatch") author = null;
      if (reason === "in-short") this.#incomplete.add(arrival.from, Uint8Array.from(bytes));
      return { verdict: parsed, author, isSpare: reason === "replay" || reason === "in-short" };
    }
    const message = parsed.value;
    const verdict = this.#options.judge(message, arrival.from);
    if (verdict.verdict === "accept") this.#noteAccepted(message, bytes);
    return { verdict, author };
  }

  #noteAccepted(message: AgreementMessage, bytes: Uint8Array): void {
    if ("certificate" in message) this.#remember(message.certificate);
    else if (isShort(bytes)) this.#door.remember(message.bytes);
    if ("author" in message && message.statement.kind === "ballot") this.#incomplete.review();
  }

  #wholeOf(bytes: Uint8Array): Uint8Array | Fault {
    if (this.terms === null) return { verdict: "ignore", reason: "other-run" };
    const { known } = this.#options;
    return wholeOf(bytes, this.terms, { check: this.#signatures.check, glance: () => null, known });
  }

  #glanceAtStatement({ author, statement }: Said, earlier: Verdict<void> | null): Fault | null {
    // what came too early comes again from everybody, for which its author can do nothing
    const isPaid = earlier !== null && earlier.verdict === "ignore" && earlier.reason !== "flood";
    // by height, so that nobody uses up an author's allowance with what it said long ago
    const allowance = `${author}/${statement.height}`;
    return isPaid || this.#ofAuthor.take(allowance, this.#options.now()) ? null : FLOOD;
  }

  #glanceAtCertificate(certificate: Certificate, from: PeerId): Fault | null {
    // every member makes one of the signatures that it holds, and they say the same
    if (this.#certified.has(saidBy(certificate))) return { verdict: "ignore", reason: "replay" };
    return this.#ofCostly.take(from, this.#options.now()) ? null : FLOOD;
  }

  #remember(certificate: Certificate): void {
    this.#certified.add(saidBy(certificate));
    const oldest = this.#certified.keys().next().value;
    if (this.#certified.size > MAX_CERTIFIED && oldest !== undefined) {
      this.#certified.delete(oldest);
    }
  }
}

// --- internal ---

const FLOOD: Fault = { verdict: "ignore", reason: "flood" };
const NOT_AGREED: Judged = {
  verdict: { verdict: "ignore", reason: "other-run" },
  author: null,
};
