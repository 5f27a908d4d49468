import assert from "node:assert/strict";
import type { Stream } from "@libp2p/interface";
import type { PeerId, Timestamp } from "../../types.ts";
import type { Exchanges } from "../connections/exchanges.ts";
import type { KlatchNode } from "../connections/libp2p-node.ts";
import type { ChainOutcome, Refusal } from "../contract.ts";
import type { Identity } from "../keys/identity.ts";
import type { Listeners } from "../listeners.ts";
import { type Log, reasonOf } from "../log.ts";
import { AgreementDoor } from "./agreement-door.ts";
import { AGREEMENT_EXCHANGE, agreementExchange } from "./agreement-exchange.ts";
import { CHAIN_PROTOCOL, Chain } from "./chain.ts";
import { signStatement } from "./envelope.ts";
import { inShort } from "./in-short.ts";
import { Lines } from "./lines.ts";
import type { AgreementTerms, SignedStatement, Statement } from "./messages.ts";
import { verifiedChain } from "./verify.ts";

export interface AgreementParts {
  readonly node: KlatchNode;
  readonly identity: Identity;
  readonly listeners: Listeners;
  readonly log: Log;
  readonly now: () => Timestamp;
  readonly onRefused: (from: PeerId, refusal: Refusal) => void;
  readonly onFlood: (from: PeerId) => void;
  readonly onMalformed: (from: PeerId) => void;
  readonly openStream: (protocol: string) => (peer: PeerId, signal: AbortSignal) => Promise<Stream>;
}

/** The parts of the wire that mode `agreed` adds; silent in mode `gossip`. */
export class AgreementWiring {
  readonly #parts: AgreementParts;
  readonly #door: AgreementDoor;
  readonly #lines: Lines;
  readonly #exchange: Exchanges;
  readonly #chain: Chain;
  /** Members that are asked for what they said in short, and whether there is more to ask for. */
  readonly #asked = new Map<PeerId, boolean>();
  #terms: AgreementTerms | null = null;

  constructor(parts: AgreementParts) {
    const { listeners, openStream, onRefused } = parts;
    this.#parts = parts;
    this.#door = new AgreementDoor({
      ...parts,
      judge: (message, from) => {
        assert(listeners.judgeAgreement !== null);
        return listeners.judgeAgreement(message, from);
      },
      known: (name) => listeners.knownOfAgreement(name),
      onLost: (from) => this.#inBackground(from, this.#askFor(from)),
      later: (milliseconds, run) => setTimeout(run, milliseconds).unref(),
    });
    const run = () => this.#agreed.run;
    this.#lines = new Lines({
      ...{ ...parts, run },
      admit: this.#door.admit.bind(this.#door),
      onMet: (peer) => this.#inBackground(peer, this.exchange(peer)),
    });
    this.#exchange = agreementExchange({
      ...{ ...parts, run },
      tell: () => listeners.tellAgreement(),
      onMessage: (from, bytes) => this.#door.admit(bytes, { from }),
    });
    this.#chain = new Chain({
      ...{ ...parts, run },
      tell: (from, most) => listeners.tellChain(from, most),
      openStream: openStream(CHAIN_PROTOCOL),
      onRefused: (from, verdict, reason) => onRefused(from, { verdict, reason }),
    });
  }

  /** Sets what is agreed about; before the node begins. */
  agree(terms: AgreementTerms | null): void {
    this.#terms = terms;
    this.#door.terms = terms;
  }

  /** Serves and listens, where there is something to agree about. The node has been started. */
  async begin(): Promise<void> {
    if (this.#terms === null) return;
    const { node, listeners } = this.#parts;
    assert(listeners.judgeAgreement !== null, "onAgreement comes before start");
    await node.handle(AGREEMENT_EXCHANGE, (s, c) => this.#exchange.handle(s, c), {
      maxInboundStreams: 2,
    });
    await node.handle(CHAIN_PROTOCOL, (s, c) => this.#chain.handle(s, c), {
      maxInboundStreams: 2,
    });
    await this.#lines.begin();
  }

  async end(): Promise<void> {
    this.#lines.end();
    this.#chain.stop();
    await this.#exchange.stop();
  }

  async sign<S extends Statement>(statement: S): Promise<SignedStatement<S>> {
    const { key, peerId: author } = this.#parts.identity;
    const roster = this.#agreed.rosterAt(statement.height);
    assert(roster !== null, "the roster of the height is known");
    return signStatement(statement, { author, key }, roster.length);
  }

  async publish(bytes: Uint8Array): Promise<number> {
    this.#door.remember(bytes);
    return this.#lines.publish(inShort(bytes));
  }

  exchange(peer: PeerId): Promise<boolean> {
    return this.#exchange.with(peer);
  }

  async fetchChain(peer: PeerId, from: number, signal: AbortSignal): Promise<ChainOutcome> {
    return verifiedChain(await this.#chain.fetch(peer, from, signal), this.#agreed);
  }

  get #agreed(): AgreementTerms {
    assert(this.#terms !== null, "agreementTerms comes first");
    return this.#terms;
  }

  /** Has all of it given to this node; once more where more came in short meanwhile. */
  async #askFor(peer: PeerId): Promise<void> {
    const isAsked = this.#asked.has(peer);
    this.#asked.set(peer, isAsked);
    if (isAsked) return;
    do {
      this.#asked.set(peer, false);
      await this.exchange(peer);
    } while (this.#asked.get(peer) === true);
    this.#asked.delete(peer);
  }

  #inBackground(peer: PeerId, work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      this.#parts.log.warn({ peer, reason: reasonOf(error) }, "an exchange failed");
    });
  }
}
