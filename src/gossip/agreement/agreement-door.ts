import type { PeerId, Timestamp, Verdict } from "../../types.ts";
import { TokenBuckets } from "../connections/token-bucket.ts";
import type { Refusal } from "../contract.ts";
import { type Arrival, type Judged, MessageDoor } from "../topics/message-door.ts";
import type { AgreementMessage, AgreementTerms, Certificate, SignedStatement } from "./messages.ts";
import { MAX_AGREEMENT_BYTES, parseAgreement } from "./parse.ts";
import { Signatures } from "./signatures.ts";

/** A height of the largest rosters in use: a list, a ballot and four views of four statements, of 200 members. */
const MAX_REMEMBERED = 4096;
/** Of one author about one height: a list, a ballot, and of each view a proposal and three votes; views take 2 s or more. */
const OF_AUTHOR = { burst: 64, refillMs: 250 };
/** Of a neighbour, which may bring what all members say: twice an exchange at once, then 200 members' views of 2 s. */
const OF_RELAYER = { burst: 4096, refillMs: 2 };
/** Certificates, by what they say, of which one is enough. */
const MAX_CERTIFIED = 4096;

export interface AgreementDoorOptions {
  readonly now: () => Timestamp;
  readonly judge: (message: AgreementMessage, from: PeerId) => Verdict<void>;
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
  readonly #signatures = new Signatures();
  readonly #certified = new Set<string>();

  constructor(options: AgreementDoorOptions) {
    this.#options = options;
    this.#door = new MessageDoor({
      ...options,
      maxBytes: MAX_AGREEMENT_BYTES,
      maxRemembered: MAX_REMEMBERED,
      // votes and certificates are said again until the height is final
      isSaidOnce: false,
      ofRelayer: OF_RELAYER,
      judge: (bytes, arrival) => this.#judge(bytes, arrival),
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

  #judge(bytes: Uint8Array, { from, publisher }: Arrival): Judged {
    if (this.terms === null) return NOT_AGREED;
    const parsed = parseAgreement(bytes, this.terms, {
      check: this.#signatures.check,
      isSpare: (certificate) => this.#certified.has(saidBy(certificate)),
    });
    if (parsed.verdict !== "accept") {
      // every member makes a certificate of the signatures that it holds, and they say the same
      return { verdict: parsed, author: null, isSpare: parsed.reason === "replay" };
    }
    const message = parsed.value;
    if ("author" in message) return this.#judgeStatement(message, from, publisher);
    const verdict = this.#options.judge(message, from);
    if (verdict.verdict === "accept") this.#remember(message.certificate);
    return { verdict, author: null };
  }

  #judgeStatement(message: SignedStatement, from: PeerId, publisher: PeerId | undefined): Judged {
    const { author, statement } = message;
    const refuse = (verdict: Verdict<void>): Judged => ({ verdict, author });
    if (publisher !== undefined && publisher !== author) {
      return refuse({ verdict: "reject", reason: "wrong-author" });
    }
    // by height, so that nobody uses up an author's allowance with what it said long ago
    if (!this.#ofAuthor.take(`${author}/${statement.height}`, this.#options.now())) {
      return refuse({ verdict: "ignore", reason: "flood" });
    }
    return { verdict: this.#options.judge(message, from), author };
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

const NOT_AGREED: Judged = {
  verdict: { verdict: "ignore", reason: "other-run" },
  author: null,
};
function saidBy({ height, parent, vote, view, block }: Certificate): string {
  return [height, parent, vote, view, block].join("/");
}
