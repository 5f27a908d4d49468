import { randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KlatchError } from "../../errors.ts";
import {
  encodeTicket,
  loadOrCreateIdentity,
  MAX_OFFER_BYTES,
  MAX_TOLD_ADDRESSES,
  SECRET_BYTES,
} from "../../gossip/index.ts";
import type { HubOptions } from "../../training/index.ts";
import type { Digest, PeerId, RunMode, Timestamp } from "../../types.ts";
import type { Config } from "../config/config.ts";
import { configFields } from "../config/fields.ts";
import { hubOptions } from "../config/hub-options.ts";
import { CONFIG_FILE } from "../config/load.ts";
import { modeOf, requireMode } from "../config/mode-of.ts";
import { configTemplate } from "../config/template.ts";
import { identityFile, makeNodeFolders } from "../folders/data-folder.ts";
import { bundledModel } from "../folders/package-folder.ts";
import { modelToShare, totalBytes } from "../sharing/shared-files.ts";
import { writeAdmissions } from "./admission-files.ts";
import type { Right } from "./admissions.ts";
import { digestOfOffer, encodeOffer, ofSize } from "./offer.ts";
import { ownAddresses } from "./own-addresses.ts";

/** Addresses in a ticket unless they are given: so it stays below 300 characters. */
const TICKET_ADDRESSES = 2;

export interface CreateOptions {
  readonly seats: number;
  readonly expires: Timestamp;
  /** One ticket that admits until all seats are taken, instead of one for each. */
  readonly standing: boolean;
  /** Keys of the configuration that were given, besides section `run`: they are written down. */
  readonly given: readonly string[];
  /** Where a model of the hub comes from, whose files are to be listed; as the environment says unless given. */
  readonly hub?: HubOptions;
  /** Comments for the head of the configuration. */
  readonly remarks?: readonly string[];
}

/** What came of it; the tickets are secrets. */
export interface CreatedRun {
  readonly peerId: PeerId;
  /** Digest of what is offered: it stands in the tickets. The id of the run follows from its members and model. */
  readonly run: Digest;
  readonly name: string;
  readonly mode: RunMode;
  readonly seats: number;
  readonly expires: string;
  readonly addresses: readonly string[];
  readonly tickets: readonly string[];
  readonly config: string;
  /** What whoever joins may fetch from this node of its model; null for nothing. */
  readonly sharedModel: { readonly files: number; readonly bytes: number } | null;
  /** Why a model that could be given to them is not, though nobody said so; null where that is not so. */
  readonly modelStays: string | null;
}

/**
 * The configuration with its mode, and as many members as the run is to have, of which nobody is known yet.
 *
 * @throws KlatchError `usage` where there is a configuration already, the run cannot be, or others could not reach it
 */
export function plannedRun(folder: string, config: Config, seats: number): Config {
  requireNew(join(folder, CONFIG_FILE));
  requireNobody(config.run);
  const sized = ofSize(config.run, seats);
  requireMode(sized);
  reachable(config);
  return { ...config, run: { ...sized, mode: modeOf(sized) } };
}

/**
 * Makes the folder of a run's creator: identity, seats, and a configuration that lacks the members alone.
 *
 * @throws KlatchError `usage` where there is a configuration already, the run cannot be, or others could not reach it
 */
export async function createRun(
  folder: string,
  config: Config,
  { seats, expires, standing, given, remarks, hub = hubOptions(config.cache) }: CreateOptions,
): Promise<CreatedRun> {
  const file = join(folder, CONFIG_FILE);
  const mode = modeOf(plannedRun(folder, config, seats).run);
  const run = { ...config.run, mode };
  const share = await modelToShare(config, hub);
  const files = share !== null && "files" in share ? share.files : null;
  const offer = encodeOffer({ ...config, run }, seats, files);
  requireSize(offer);
  const addresses = reachable(config);
  makeNodeFolders(folder, config.dataDir);
  const { peerId } = await loadOrCreateIdentity(identityFile(config.dataDir));
  const rights = standing
    ? [rightTo(seats - 1)]
    : Array.from({ length: seats - 1 }, () => rightTo(1));
  const digest = digestOfOffer(offer);
  const creator = { peer: peerId, addresses };
  const state = { creator, run: digest, offer, seats, expires, rights, admitted: [] };
  writeAdmissions(config.dataDir, { ...state, sealed: null });
  writeNew(file, { ...config, run }, given, remarks);
  const tickets = rights.map(({ secret }) =>
    encodeTicket({
      ...{ run: digest, creator: peerId, addresses: creator.addresses },
      ...{ secret, expires },
    }),
  );
  return {
    ...{ peerId, run: digest, name: run.name, mode, seats },
    ...{ expires: new Date(expires).toISOString(), addresses: creator.addresses, tickets },
    config: file,
    sharedModel: files && { files: files.length, bytes: totalBytes(files) },
    modelStays: share !== null && "stays" in share ? share.stays : null,
  };
}

/**
 * Writes the configuration of a node of a run: every key of section `run`, for all to read, and what else was given.
 *
 * @throws KlatchError `usage` where there is one
 */
export function writeNew(
  file: string,
  config: Config,
  given: readonly string[],
  remarks: readonly string[] = [],
): void {
  const isBundled = config.model === bundledModel();
  const written = configFields()
    .map(({ key }) => key)
    .filter((key) => key.startsWith("run.") || given.includes(key))
    .filter((key) => key !== "model" || !isBundled);
  const values = Object.fromEntries(written.map((key) => [key, settingOf(config, key)]));
  try {
    // exclusive: what appeared in the meantime is somebody's work
    writeFileSync(file, configTemplate(values, remarks), { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") requireNew(file);
    throw error;
  }
}

// --- internal ---

function requireNew(file: string): void {
  if (!existsSync(file)) return;
  throw new KlatchError(
    "usage",
    `${file} is there already`,
    "nothing was changed; choose another folder for another run",
  );
}

function requireNobody({ members, roster }: Config["run"]): void {
  if (members.length === 0 && roster.length === 0) return;
  throw new KlatchError(
    "usage",
    "section run names members, who come by tickets here",
    "leave run.members and run.roster out, or write klatch.yaml by hand (`klatch init`)",
  );
}

function requireSize({ byteLength }: Uint8Array): void {
  if (byteLength <= MAX_OFFER_BYTES) return;
  throw new KlatchError(
    "usage",
    `section run and the list of the model's files have ${byteLength} bytes, and ${MAX_OFFER_BYTES} at most can be offered`,
    "shorten run.classes, or leave the list out with --share-model never",
  );
}

function reachable({ network }: Config): readonly string[] {
  const isGiven = network.announce.length > 0;
  const most = isGiven ? MAX_TOLD_ADDRESSES : TICKET_ADDRESSES;
  const addresses = ownAddresses(network).slice(0, most);
  if (addresses.length > 0) return addresses;
  throw new KlatchError(
    "usage",
    `nobody could reach this node at ${network.listen.join(", ")}`,
    "name a port in --network-listen, or where others reach it with --address /ip4/…/tcp/…",
  );
}

function rightTo(seats: number): Right {
  return { secret: Uint8Array.from(randomBytes(SECRET_BYTES)), seats };
}

function settingOf(config: Config, key: string): unknown {
  return key
    .split(".")
    .reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], config);
}
