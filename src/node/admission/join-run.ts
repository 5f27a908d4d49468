import { existsSync } from "node:fs";
import { join } from "node:path";
import { KlatchError } from "../../errors.ts";
import {
  loadOrCreateIdentity,
  parseTicket,
  type SealedMember,
  type Ticket,
} from "../../gossip/index.ts";
import type { HubOptions } from "../../training/index.ts";
import type { Digest, PeerId } from "../../types.ts";
import type { Config } from "../config/config.ts";
import { CONFIG_FILE } from "../config/load.ts";
import { quickChecks, requirePassed } from "../doctor/quick.ts";
import { identityFile, makeNodeFolders } from "../folders/data-folder.ts";
import type { Logger } from "../process/logger.ts";
import { type JoinedModel, joinedModel } from "../sharing/joined-model.ts";
import { readTicket, writeOffer, writeTicket } from "./admission-files.ts";
import { seatsText, timeText } from "./admission-text.ts";
import { askForSeat, bootstrapOf, type Seated } from "./asking.ts";
import { writeNew } from "./create-run.ts";
import { parseOffer } from "./offer.ts";
import { requireOffer, requireSealed, writeMembers } from "./sealed-config.ts";

/** What came of it; the shape of `klatch join --json`. */
export interface JoinedRun {
  readonly peerId: PeerId;
  /** Digest of what the creator offers. */
  readonly run: Digest;
  /** Peer ids of all members; none before the run is sealed. */
  readonly members: readonly PeerId[];
  readonly config: string;
  /** Whether seats are still open. */
  readonly state: "waiting" | "sealed";
  readonly model: JoinedModel;
}

export interface JoinOptions {
  /** As it was typed. */
  readonly ticket: string;
  readonly folder: string;
  /** Of the folder, or what it is to be; less section `run`. */
  readonly config: Config;
  /** Keys of it to write down. */
  readonly given: readonly string[];
}

export interface JoinReport {
  readonly log: Logger;
  readonly tell: (sentence: string) => void;
  /** Told of a download from the hub. */
  readonly download?: HubOptions["report"];
}

/**
 * Takes a seat in the run of a ticket, and writes the configuration of a node that takes part. May end at any moment
 * and be begun again: a seat stays this key's.
 *
 * @throws KlatchError `usage` for a text that is no ticket, one that has expired or is refused, and a folder that
 *   belongs to something else; `incompatible` for a run that this version or machine cannot take part in
 */
export async function joinRun(
  { ticket: text, folder, config, given }: JoinOptions,
  { log, tell, download }: JoinReport,
  signal: AbortSignal,
): Promise<JoinedRun> {
  const ticket = requireTicket(text);
  const file = join(folder, CONFIG_FILE);
  const { dataDir } = config;
  const isHere = existsSync(file);
  if (isHere) requireSameTicket(folder, dataDir, ticket);
  // a seat does not end with the ticket
  else if (!isOwn(dataDir, ticket)) requireCurrent(ticket);
  if (!isHere) requirePassed(await quickChecks(config));
  makeNodeFolders(folder, dataDir);
  const identity = await loadOrCreateIdentity(identityFile(dataDir));
  const { peerId } = identity;
  requireOther(peerId, ticket);
  const asking = { config, identity, ticket, log, tell, isEnough: () => true };
  const answer = await askForSeat(asking, signal);
  const offered = offerOf(answer, ticket, peerId);
  const offer = parseOffer(offered);
  const members = answer.kind === "sealed" ? answer.run.members : [];
  // before the model: who is interrupted goes on with the seat that it has
  writeTicket(dataDir, text.replace(/\s+/g, ""));
  writeOffer(dataDir, offered);
  if (answer.kind === "waits") tell(seatsText(answer.taken, offer.seats, ticket.expires));
  const told = { log, tell, download };
  const search = { config, identity, offer, given, members: sourcesOf(ticket, members), ...told };
  const model = isHere ? keptModel(config) : await joinedModel(search, signal);
  const network = withCreator(config, ticket);
  const whole = { ...config, model: model.name, run: offer.run, network };
  if (!isHere) writeNew(file, whole, [...given, "model", "network.bootstrap"]);
  if (answer.kind === "sealed" && config.run.members.length === 0) {
    writeMembers(file, whole, members, peerId);
  }
  return {
    ...{ peerId, run: ticket.run, members: members.map(({ peer }) => peer), config: file },
    state: answer.kind === "sealed" ? "sealed" : "waiting",
    model,
  };
}

// --- internal ---

function requireTicket(text: string): Ticket {
  const parsed = parseTicket(text);
  if ("ticket" in parsed) return parsed.ticket;
  throw new KlatchError(
    "usage",
    `this is no ticket: ${parsed.refusal}`,
    "copy the whole line that `klatch run create` printed, or ask for it again",
  );
}

function requireCurrent({ expires, creator }: Ticket): void {
  if (Date.now() < expires) return;
  throw new KlatchError(
    "usage",
    `the ticket expired at ${timeText(expires)} (it is ${timeText(Date.now())} by this machine's clock)`,
    `ask its creator, ${creator}, for a new one`,
  );
}

/** Whether a data folder has a seat by this ticket, or another of the same run. */
function isOwn(dataDir: string, ticket: Ticket): boolean {
  const own = readTicket(dataDir);
  return own !== null && own.run === ticket.run && own.creator === ticket.creator;
}

/** A folder is one node's, and a node is in one run. */
function requireSameTicket(folder: string, dataDir: string, ticket: Ticket): void {
  if (isOwn(dataDir, ticket)) return;
  throw new KlatchError(
    "usage",
    `${folder} has a configuration already, and it is not of this ticket`,
    "nothing was changed; name another folder",
  );
}

function requireOther(self: PeerId, { creator }: Ticket): void {
  if (self !== creator) return;
  throw new KlatchError(
    "usage",
    "this folder is that of who created the run: it has its seat",
    "`klatch start` here; the ticket is for another organisation",
  );
}

/** What is offered, after a look at whether it is what the ticket is for. */
function offerOf(answer: Seated, ticket: Ticket, self: PeerId): Uint8Array {
  if (answer.kind === "waits") {
    requireOffer(answer.offer, ticket);
    return answer.offer;
  }
  requireSealed(answer.run, ticket, self);
  return answer.run.offer;
}

/** The creator where its ticket says, then the others where they said. */
function sourcesOf(
  { creator, addresses }: Ticket,
  members: readonly SealedMember[],
): readonly SealedMember[] {
  return [{ peer: creator, addresses }, ...members.filter(({ peer }) => peer !== creator)];
}

function keptModel({ model }: Config): JoinedModel {
  return { name: model, from: "own", fetched: null };
}

function withCreator({ network }: Config, ticket: Ticket): Config["network"] {
  return { ...network, bootstrap: bootstrapOf(ticket) };
}
