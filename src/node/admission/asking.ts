import { setTimeout as delay } from "node:timers/promises";
import { KlatchError } from "../../errors.ts";
import {
  type AdmissionNetwork,
  type AdmissionOutcome,
  type AdmissionRequest,
  type Identity,
  type Network,
  proofOf,
  rightOf,
  type Ticket,
} from "../../gossip/index.ts";
import type { Timestamp } from "../../types.ts";
import type { Config } from "../config/config.ts";
import type { Logger } from "../process/logger.ts";
import { refusalError, timeText } from "./admission-text.ts";
import { ownAddresses } from "./own-addresses.ts";
import { visit } from "./visit.ts";

/** Pauses between two questions: the first, and the longest; each is half as long again as the one before. */
const PAUSE = { firstMs: 1000, mostMs: 15_000 };
/** Closed connections in a row after which it is clear that the creator knows this node for none of its members. */
const DROPS_MAX = 3;
/** How long a creator is tried that may be away just now, though the ticket is old. */
const LEAST_MS = 60_000;

/** What the creator said: this node has a seat, or the run is sealed. */
export type Seated = Exclude<
  Extract<AdmissionOutcome, { ok: true }>["answer"],
  { readonly kind: "refused" }
>;

export interface Asking {
  readonly config: Config;
  readonly identity: Identity;
  readonly ticket: Ticket;
  readonly log: Logger;
  /** Told what is waited for, when that changes. */
  readonly tell: (sentence: string) => void;
  /** Whether this answer is what was asked for; else it is asked again. */
  readonly isEnough: (answer: Seated) => boolean;
}

/**
 * Asks the creator of a run for a seat until the answer is enough: again and again where it is not reached.
 *
 * @throws KlatchError `usage` where the creator refuses, `network` where it is not reached before the ticket ends;
 *   the signal's reason
 */
export async function askForSeat(asking: Asking, signal: AbortSignal): Promise<Seated> {
  const { config, identity, ticket, log } = asking;
  const hosts = { hosts: [ticket.creator], bootstrap: bootstrapOf(ticket) };
  return visit(
    { config, identity, log, ...hosts },
    (network) => ask(network, asking, signal),
    signal,
  );
}

/** Where the creator of a ticket is, as `network.bootstrap` has it. */
export function bootstrapOf({ addresses, creator }: Ticket): string[] {
  return addresses.map((address) => `${address}/p2p/${creator}`);
}

// --- internal ---

async function ask(
  network: Network & AdmissionNetwork,
  { ticket, identity, config, tell, isEnough }: Asking,
  signal: AbortSignal,
): Promise<Seated> {
  const { creator, expires, addresses } = ticket;
  const request = requestOf(ticket, identity, config);
  const troubles = new Troubles(ticket);
  tell(`asks ${creator} at ${addresses.join(", ")}, until ${timeText(expires)}`);
  for (let pauseMs = PAUSE.firstMs; ; pauseMs = Math.min(PAUSE.mostMs, 1.5 * pauseMs)) {
    const outcome = await network.askAdmission(creator, request, { signal });
    signal.throwIfAborted();
    if (outcome.ok) {
      troubles.over();
      const { answer } = outcome;
      if (answer.kind === "refused") throw refusalError(answer.reason);
      if (isEnough(answer)) return answer;
    } else {
      const failure = network.dialFailures().get(creator);
      const news = troubles.another(failure?.reason ?? outcome.detail);
      if (news !== null) tell(news);
    }
    await delay(pauseMs * (0.75 + Math.random() / 2), undefined, { signal });
  }
}

function requestOf(
  { run, creator, secret }: Ticket,
  { peerId: peer }: Identity,
  { network }: Config,
): AdmissionRequest {
  const proof = proofOf(secret, { run, creator, peer });
  return { run, right: rightOf(secret), proof, addresses: ownAddresses(network) };
}

/** What keeps the creator from being reached, and whether that is the end. */
class Troubles {
  readonly #ticket: Ticket;
  readonly #deadline: Timestamp;
  #drops = 0;
  #last = "";

  constructor(ticket: Ticket) {
    this.#ticket = ticket;
    this.#deadline = Math.max(ticket.expires, Date.now() + LEAST_MS);
  }

  over(): void {
    this.#drops = 0;
    this.#last = "";
  }

  /**
   * Notes one; what to say of it, null where it is the one before.
   *
   * @throws KlatchError where it is the end
   */
  another(why: string): string | null {
    const { creator } = this.#ticket;
    this.#drops = isDrop(why) ? this.#drops + 1 : 0;
    if (this.#drops >= DROPS_MAX) throw notAmong(creator);
    if (Date.now() >= this.#deadline) throw notReached(creator, why);
    const isNew = why !== this.#last;
    this.#last = why;
    const until = timeText(this.#deadline);
    return isNew ? `the creator is not reached: ${why}; tries again until ${until}` : null;
  }
}

/** What the dialler says of a peer that ends the connection once it knows who calls. */
function isDrop(reason: string): boolean {
  return reason.startsWith("it closed the connection at once");
}

function notAmong(creator: string): KlatchError {
  return new KlatchError(
    "usage",
    `${creator} is there and takes no calls of this node: the run is sealed, and this node has no seat in it`,
    "ask the creator; in mode agreed the members can add you (`klatch member propose add`)",
  );
}

function notReached(creator: string, why: string): KlatchError {
  return new KlatchError(
    "network",
    `${creator} was not reached before the ticket ended: ${why}`,
    "is its `klatch start` running, and its port open? Ask the creator for a new ticket",
  );
}
