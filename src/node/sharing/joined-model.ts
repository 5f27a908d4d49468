import { join } from "node:path";
import { KlatchError } from "../../errors.ts";
import { digestOf, type Identity, type SealedMember } from "../../gossip/index.ts";
import {
  type HubOptions,
  listModelFiles,
  type ModelFile,
  resolveModel,
} from "../../training/index.ts";
import type { Offer } from "../admission/offer.ts";
import { visit } from "../admission/visit.ts";
import { BUNDLED_MODEL, type Config } from "../config/config.ts";
import { hubOptions } from "../config/hub-options.ts";
import { requireModel } from "../doctor/quick.ts";
import { bundledModel } from "../folders/package-folder.ts";
import type { Logger } from "../process/logger.ts";
import { makeFolder } from "../store/atomic-file.ts";
import { realFileSystem } from "../store/file-system.ts";
import { lockFolder } from "../store/lock.ts";
import { type FetchedModel, fetchModel } from "./fetch-model.ts";
import { isOfHub } from "./shared-files.ts";

/** Members that are asked for a model, the creator among them. */
const SOURCES_MAX = 8;

/** The model of somebody who joins. */
export interface JoinedModel {
  /** As its configuration names it. */
  readonly name: string;
  /** `own`: named with --model, or before; `peers`: fetched from members. */
  readonly from: "own" | "bundled" | "hub" | "peers";
  /** What came from members; null where it did not. */
  readonly fetched: FetchedModel | null;
}

export interface ModelSearch {
  readonly config: Config;
  readonly identity: Identity;
  readonly offer: Offer;
  /** Keys of the configuration that were given. */
  readonly given: readonly string[];
  /** Who may have it, the creator first. */
  readonly members: readonly SealedMember[];
  readonly log: Logger;
  readonly tell: (sentence: string) => void;
  /** Told of a download from the hub. */
  readonly download?: HubOptions["report"] | undefined;
}

/**
 * The model that a run names, or where it lies on this machine: one's own, the one that comes with Klatch, the hub's,
 * or what its members give.
 *
 * @throws KlatchError `usage` where it can be had nowhere, and as `fetchModel`; the signal's reason
 */
export async function joinedModel(search: ModelSearch, signal: AbortSignal): Promise<JoinedModel> {
  const { config, offer, given } = search;
  const { name, isFolder, files } = offer.model;
  if (given.includes("model")) {
    const own = found(config.model, "own");
    await tellDifferences(search, signal);
    return own;
  }
  if (isFolder) {
    if (files === undefined) throw notShared(name);
    return fromPeers(search, files, signal);
  }
  if (name === BUNDLED_MODEL) return found(bundledModel(), "bundled");
  if (files === undefined || (await isFromHub(search, signal))) return found(name, "hub");
  return fromPeers(search, files, signal);
}

// --- internal ---

/** What a stranger's word may look like on a terminal. */
function plain(text: string): string {
  return text.replace(/[^ -~]/g, "?").slice(0, 200);
}

function found(model: string, from: JoinedModel["from"]): JoinedModel {
  requireModel(model);
  return { name: model, from, fetched: null };
}

function notShared(name: string): KlatchError {
  return new KlatchError(
    "usage",
    `the run's model is a folder on its creator's machine, ${plain(name)}, which it does not give to who joins`,
    "run the command again with --model and your own folder of it; the seat is yours",
  );
}

/** Files that make a model another one. */
const DECIDING = /\.safetensors$|^(config|tokenizer)\.json$/;

/** Says which files of somebody's own model are not as the creator's. They may still hold the same weights: `start` compares these. */
async function tellDifferences(
  { config: { model }, offer, tell }: ModelSearch,
  signal: AbortSignal,
): Promise<void> {
  const theirs = new Map(offer.model.files?.map(({ name, sha256 }) => [name, sha256]));
  if (theirs.size === 0 || isOfHub(model)) return;
  const own = await listModelFiles(model, signal).catch((error: unknown) => {
    // what is wrong with it is `start`'s to say
    if (error instanceof KlatchError) return [];
    throw error;
  });
  const other = own.filter(
    ({ name, sha256 }) => DECIDING.test(name) && theirs.get(name) !== sha256,
  );
  if (other.length === 0) return;
  const names = other.map(({ name }) => name).join(", ");
  tell(
    `not as at the run's creator: ${names} of ${plain(model)}; the node compares the weights when it starts, and with others it never mixes`,
  );
}

/** Whether the hub has it; false where the hub is not reached. */
async function isFromHub(
  { config, offer, tell, download }: ModelSearch,
  signal: AbortSignal,
): Promise<boolean> {
  const { name } = offer.model;
  const hub = hubOptions(config.cache, { signal, ...(download && { report: download }) });
  try {
    await resolveModel(name, hub);
    return true;
  } catch (error) {
    if (!(error instanceof KlatchError && error.code === "network")) throw error;
    tell(`the hub does not give ${plain(name)}: ${error.message}; asks the peers`);
    return false;
  }
}

async function fromPeers(
  { config, identity, offer, members, log, tell }: ModelSearch,
  files: readonly ModelFile[],
  signal: AbortSignal,
): Promise<JoinedModel> {
  const place = join(config.dataDir, "models", nameOf(files));
  const folder = join(place, folderNameOf(offer.model.name));
  const asked = members.filter(({ peer }) => peer !== identity.peerId).slice(0, SOURCES_MAX);
  const hosts = asked.map(({ peer }) => peer);
  const bootstrap = asked.flatMap(({ peer, addresses }) =>
    addresses.map((at) => `${at}/p2p/${peer}`),
  );
  makeFolder(realFileSystem, place);
  const unlock = lockFolder(place);
  try {
    const fetched = await visit(
      { config, identity, log, hosts, bootstrap },
      (network) => fetchModel({ files, folder, sources: hosts, network, tell }, signal),
      signal,
    );
    requireModel(folder);
    return { name: folder, from: "peers", fetched };
  } finally {
    unlock();
  }
}

/** Another list is another folder: nothing that it does not name lies among its files. */
function nameOf(files: readonly ModelFile[]): string {
  const listed = files.map(({ name, bytes, sha256 }) => [name, bytes, sha256]);
  return digestOf(new TextEncoder().encode(JSON.stringify(listed))).slice(0, 16);
}

/** The creator's name for it, which members see; where that is no plain name, a word. */
function folderNameOf(name: string): string {
  const last = name.split("/").at(-1) ?? "";
  return /^\w[\w.-]{0,95}$/.test(last) ? last : "model";
}
