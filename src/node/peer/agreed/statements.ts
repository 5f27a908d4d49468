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

/** Of one author about one height so many votes and proposals are kept for others, the newest: some twenty views. */
const VOTES_KEPT = 64;
/** And so many lists and as many ballots, the first: two are proof. */
const TWO = 2;
/** Certificates of one height that are kept, the newest. */
const CERTIFICATES_KEPT = 4096;

/** What is on disk of a height: what this node said, and the certificates it acted on. */
export interface SaidOnDisk {
  readonly said: readonly SignedStatement[];
  readonly certificates: readonly QuorumCertificate[];
}

/** What is said about the open height: by this node, on disk before it is sent, and by others, for who lacks it. */
export class Statements {
  readonly #store: Store;
  readonly #terms: AgreementTerms;
  /** By height and whose they are, so that nobody who says much keeps others' statements out. */
  readonly #heard = new Map<number, Map<string, Map<Digest, Uint8Array>>>();
  /** What ended the height below. */
  #final: Uint8Array | null = null;

  constructor(store: Store, terms: AgreementTerms) {
    this.#store = store;
    this.#terms = terms;
  }

  /** Keeps an own statement; to be sent after that. */
  keep(height: number, bytes: Uint8Array): void {
    this.#store.appendSaid(this.#terms.run, height, bytes);
    this.#remember(height, OWN, bytes);
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
  hear(height: number, message: AgreementMessage): void {
    this.#remember(height, whoseOf(message), message.bytes);
  }

  /** What was said about a height before the node went down. */
  restore(height: number): SaidOnDisk {
    const all = this.#store.said(this.#terms.run, height);
    const messages = all.flatMap((bytes) => {
      // this node has checked it, or signed it
      const parsed = parseAgreement(bytes, this.#terms, { check: () => true });
      return parsed.verdict === "accept" ? [parsed.value] : [];
    });
    for (const { bytes } of messages) this.#remember(height, OWN, bytes);
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
    const whose = [...(this.#heard.get(height) ?? new Map<string, Map<Digest, Uint8Array>>())];
    // an exchange has its bounds: who says much comes last
    const inTurn = whose.sort(([a, x], [b, y]) => rankOf(a) - rankOf(b) || x.size - y.size);
    const heard = inTurn.flatMap(([, messages]) => [...messages.values()]);
    return this.#final === null ? heard : [this.#final, ...heard];
  }

  // --- internal ---

  #remember(height: number, { name, most, isNewest }: Whose, bytes: Uint8Array): void {
    const whose = this.#heard.get(height) ?? new Map<string, Map<Digest, Uint8Array>>();
    const heard = whose.get(name) ?? new Map<Digest, Uint8Array>();
    if (heard.size >= most && !isNewest) return;
    this.#heard.set(height, whose.set(name, heard.set(digestOf(bytes), bytes)));
    const oldest = heard.keys().next().value;
    if (heard.size > most && oldest !== undefined) heard.delete(oldest);
  }
}

/** Whose messages are kept together, and how many of them: the newest or the first. */
interface Whose {
  readonly name: string;
  readonly most: number;
  readonly isNewest: boolean;
}

/** What this node said and acted on is kept in any case. */
const OWN: Whose = { name: "own", most: Number.POSITIVE_INFINITY, isNewest: false };
const CERTIFICATES: Whose = { name: "certificates", most: CERTIFICATES_KEPT, isNewest: true };

function whoseOf(message: AgreementMessage): Whose {
  if (!isStatement(message)) return CERTIFICATES;
  const { author, statement } = message;
  const { kind } = statement;
  return kind === "list" || kind === "ballot"
    ? { name: `${kind} ${author}`, most: TWO, isNewest: false }
    : { name: `votes ${author}`, most: VOTES_KEPT, isNewest: true };
}

/** What is told first: own words, then what quorums said. */
function rankOf(name: string): number {
  return name === OWN.name ? 0 : name === CERTIFICATES.name ? 1 : 2;
}

/** Whether it is what one member said, and not a certificate. */
export function isStatement(
  message: AgreementMessage,
): message is Extract<AgreementMessage, { author: string }> {
  return "author" in message;
}
