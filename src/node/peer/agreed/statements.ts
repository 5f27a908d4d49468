import type { AgreedEffect, QuorumCertificate, SignedStatement } from "../../../consensus/index.ts";
import {
  type AgreementMessage,
  type AgreementTerms,
  digestOf,
  parseAgreement,
  sealCertificate,
  sealStatement,
} from "../../../gossip/index.ts";
import type { Digest } from "../../../types.ts";
import type { Store } from "../../store/contract.ts";

type Kept = Extract<AgreedEffect, { type: "keep" }>["kept"];

/** Messages of one height that are kept for others. */
const HEARD_MAX = 4096;

/** What is on disk of a height: what this node said, and the certificates it acted on. */
export interface SaidOnDisk {
  readonly said: readonly SignedStatement[];
  readonly certificates: readonly QuorumCertificate[];
}

/** What is said about the open height: by this node, on disk before it is sent, and by others, for who lacks it. */
export class Statements {
  readonly #store: Store;
  readonly #terms: AgreementTerms;
  readonly #heard = new Map<number, Map<Digest, Uint8Array>>();
  /** What ended the height below. */
  #final: Uint8Array | null = null;

  constructor(store: Store, terms: AgreementTerms) {
    this.#store = store;
    this.#terms = terms;
  }

  /** Keeps an own statement; to be sent after that. */
  keep(height: number, bytes: Uint8Array): void {
    this.#store.appendSaid(this.#terms.run, height, bytes);
    this.hear(height, bytes);
  }

  /** Keeps what this node acts on: a certificate, or what another proposes. */
  keepFor(kept: Kept): void {
    const { height } = "author" in kept ? kept.statement : kept;
    const members = this.#terms.rosterAt(height)?.length ?? 0;
    const { bytes } =
      "author" in kept
        ? sealStatement(kept.statement, kept.author, kept.signature, members)
        : sealCertificate(kept, members);
    this.keep(height, bytes);
  }

  /** Remembers what was said, for others. */
  hear(height: number, bytes: Uint8Array): void {
    const heard = this.#heard.get(height) ?? new Map<Digest, Uint8Array>();
    if (heard.size < HEARD_MAX) this.#heard.set(height, heard.set(digestOf(bytes), bytes));
  }

  /** What was said about a height before the node went down. */
  restore(height: number): SaidOnDisk {
    const all = this.#store.said(this.#terms.run, height);
    const messages = all.flatMap((bytes) => {
      // this node has checked it, or signed it
      const parsed = parseAgreement(bytes, this.#terms, { check: () => true });
      return parsed.verdict === "accept" ? [parsed.value] : [];
    });
    for (const { bytes } of messages) this.hear(height, bytes);
    return {
      said: messages.filter((message) => isStatement(message)),
      certificates: messages.flatMap((message) =>
        isStatement(message) ? [] : [message.certificate],
      ),
    };
  }

  /** A height is over: what was said about it is of no use any more, but for what ended it. */
  conclude(certificate: QuorumCertificate): void {
    const { height } = certificate;
    const members = this.#terms.rosterAt(height)?.length ?? 0;
    this.#final = sealCertificate(certificate, members).bytes;
    for (const each of this.#heard.keys()) if (each <= height) this.#heard.delete(each);
  }

  /** What this node holds of a height, and what ended the one below. */
  tell(height: number): readonly Uint8Array[] {
    const heard = [...(this.#heard.get(height)?.values() ?? [])];
    return this.#final === null ? heard : [this.#final, ...heard];
  }
}

/** Whether it is what one member said, and not a certificate. */
export function isStatement(
  message: AgreementMessage,
): message is Extract<AgreementMessage, { author: string }> {
  return "author" in message;
}
