import { existsSync } from "node:fs";
import { join } from "node:path";
import { KlatchError } from "../../errors.ts";
import { loadOrCreateIdentity, parseTicket, type Ticket } from "../../gossip/index.ts";
import type { Digest, PeerId } from "../../types.ts";
import { BUNDLED_MODEL, type Config } from "../config/config.ts";
import { CONFIG_FILE } from "../config/load.ts";
import { quickChecks, requireModel, requirePassed } from "../doctor/quick.ts";
import { identityFile, makeNodeFolders } from "../folders/data-folder.ts";
import { bundledModel } from "../folders/package-folder.ts";
import type { Logger } from "../process/logger.ts";
import { readTicket, writeTicket } from "./admission-files.ts";
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
  { log, tell }: JoinReport,
  signal: AbortSignal,
): Promise<JoinedRun> {
  const ticket = requireTicket(text);
  const file = join(folder, CONFIG_FILE);
  const { dataDir } = config;
  const isHere = existsSync(file);
  if (isHere) requireSameTicket(folder, dataDir, ticket);
  else requireCurrent(ticket);
  if (!isHere) requirePassed(await quickChecks(config));
  makeNodeFolders(folder, dataDir);
  const identity = await loadOrCreateIdentity(identityFile(dataDir));
  const { peerId } = identity;
  requireOther(peerId, ticket);
  const asking = { config, identity, ticket, log, tell, isEnough: () => true };
  const answer = await askForSeat(asking, signal);
  const offered = offerOf(answer, ticket, peerId);
  const offer = parseOffer(offered);
  const model = isHere ? config.model : modelFor(config, offer.model, given);
  const whole = { ...config, model, run: offer.run, network: withCreator(config, ticket) };
  if (!isHere) {
    writeTicket(dataDir, text.replace(/\s+/g, ""));
    writeNew(file, whole, [...given, "model", "network.bootstrap"]);
  }
  const members = answer.kind === "sealed" ? answer.run.members : [];
  if (answer.kind === "waits") tell(seatsText(answer.taken, offer.seats, ticket.expires));
  else if (config.run.members.length === 0) writeMembers(file, whole, members, peerId);
  return {
    ...{ peerId, run: ticket.run, members: members.map(({ peer }) => peer), config: file },
    state: answer.kind === "sealed" ? "sealed" : "waiting",
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

/** A folder is one node's, and a node is in one run. */
function requireSameTicket(folder: string, dataDir: string, ticket: Ticket): void {
  const own = readTicket(dataDir);
  if (own !== null && own.run === ticket.run && own.creator === ticket.creator) return;
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

/** The model that the run names, or where it lies on this machine. */
function modelFor(
  config: Config,
  { name, isFolder }: { readonly name: string; readonly isFolder: boolean },
  given: readonly string[],
): string {
  const own = given.includes("model");
  if (isFolder && !own) {
    throw new KlatchError(
      "usage",
      `the run's model is a folder on its creator's machine, ${name}`,
      "run the command again with --model and your own folder of it; the seat is yours",
    );
  }
  const model = own ? config.model : name === BUNDLED_MODEL ? bundledModel() : name;
  requireModel(model);
  return model;
}

function withCreator({ network }: Config, ticket: Ticket): Config["network"] {
  return { ...network, bootstrap: bootstrapOf(ticket) };
}
