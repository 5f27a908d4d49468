import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { KlatchError } from "../../errors.ts";
import { loadIdentity, loadNetworkKey } from "../../gossip/index.ts";
import { admissionFiles, readAdmissions, readTicket } from "../admission/admission-files.ts";
import { seatsText, timeText } from "../admission/admission-text.ts";
import { takenOf } from "../admission/admissions.ts";
import { openRunOf, openRunText } from "../admission/await-seal.ts";
import type { Config } from "../config/config.ts";
import { cacheFolder } from "../folders/cache-folder.ts";
import { identityFile, statusTokenFile } from "../folders/data-folder.ts";
import { checkOutFolder } from "../folders/out-folder.ts";
import { newRunOf } from "../past/new-run.ts";
import { PastRuns } from "../past/past-runs.ts";
import { runDigest } from "../peer/manifest.ts";
import { holderOf } from "../store/lock.ts";
import { type Finding, fail, pass, unknown, warn } from "./check.ts";
import type { Ground } from "./ground.ts";

type Configured = Pick<Ground, "config">;

export async function checkIdentity({ config }: Configured): Promise<Finding> {
  const { peerId } = await loadIdentity(identityFile(config.dataDir));
  return pass(`${peerId}, readable by its owner only`);
}

/** Whether others of this machine may read what is nobody else's. */
export function checkSecrets({ config, hub }: Pick<Ground, "config" | "hub">): Finding {
  const { dataDir, network } = config;
  if (process.platform === "win32") {
    return unknown("modes say nothing on Windows", "look at who may read the data folder");
  }
  const files = [
    ...[identityFile(dataDir), statusTokenFile(dataDir)],
    ...[...admissionFiles(dataDir), join(dataDir, "ledger.sqlite")],
  ];
  const key = network.networkKeyFile === null ? [] : [network.networkKeyFile];
  const open = [dataDir, ...files, ...key].filter((path) => isOpen(path));
  if (open.length > 0) {
    const isFolder = open[0] === dataDir;
    const others = `other users of this machine may read ${open.join(", ")}`;
    const fix = `chmod go= ${open.join(" ")}`;
    return isFolder && open.length === 1 ? warn(others, fix) : fail(others, fix);
  }
  const token = hub.token === undefined ? "no hub token is set" : "the hub token is in HF_TOKEN";
  return pass(`data folder and keys are their owner's alone; ${token}`);
}

export function checkNetworkKey({ config }: Configured): Finding {
  const { networkKeyFile: file } = config.network;
  if (file === null) return pass("none: whoever reaches the port can begin a handshake");
  loadNetworkKey(file);
  return pass(`${file}: whoever lacks it gets no answer`);
}

/** Whether another process has the data folder. */
export function checkLock({ config, running }: Pick<Ground, "config" | "running">): Finding {
  const holder = holderOf(config.dataDir);
  if (holder === null) return pass("no process has the data folder");
  const detail = `process ${holder} has ${config.dataDir}`;
  if (running !== null) return pass(`${detail}: it is this node, which runs`);
  const fix = "stop that process first, or give this node a dataDir of its own";
  // a node that serves no status cannot be told from another
  return config.status.enabled ? fail(detail, fix) : warn(detail, fix);
}

/** Whether tokens and models can be kept from one start to the next. */
export function checkCache({ config }: Configured): Finding {
  const folder = cacheFolder(config.cache);
  const fix = "name a folder that this user may write: --cache FOLDER, or KLATCH_CACHE";
  if (folder === null) return warn("this user has no home folder, and so no cache", fix);
  try {
    checkOutFolder(folder);
    return pass(`${folder} can be written`);
  } catch (error) {
    if (error instanceof KlatchError) return warn(error.message, fix);
    throw error;
  }
}

/** What a start goes on with. */
export function checkState({ config, learned }: Pick<Ground, "config" | "learned">): Finding {
  if (!existsSync(config.dataDir)) return pass("there is nothing yet: a start begins the run");
  const troubles: string[] = [];
  const runs = new PastRuns(config.dataDir, (sentence) => troubles.push(sentence));
  try {
    const kept = runs.ids().length;
    if (learned.facts === null) {
      const fix =
        kept === 0 ? "mend what keeps the model from opening" : "`klatch runs` lists them";
      return unknown(`which of the ${kept} runs here is this one follows from the model`, fix);
    }
    const run = runDigest(config.run, learned.facts, learned.facts.init ?? null);
    const [newest] = runs.checkpoints(run);
    const state =
      newest === undefined
        ? `a start begins run ${run.slice(0, 12)}`
        : `a start goes on after round ${newest.number} of run ${run.slice(0, 12)}`;
    if (troubles.length > 0) {
      return warn(`${state}; ${troubles.join("; ")}`, "restore the data folder from a backup");
    }
    const fresh = newRunOf(config, run);
    if (fresh === null) return pass(state);
    const changed = fresh.changed.join("; ") || "something that no setting tells";
    const fix = `change it back to go on; the adapter so far: ${fresh.lastAdapter}`;
    return warn(`a start begins a new run, as this changed: ${changed}`, fix);
  } finally {
    runs.close();
  }
}

/** Seats that are open, or tickets that ended. */
export function checkAdmission({ config }: Configured): Finding {
  const open = openRunOf(config);
  if (open === null) return pass(pastAdmission(config));
  const expires = open.role === "creator" ? open.expires : open.ticket.expires;
  if (Date.now() < expires) return pass(openRunText(open));
  if (open.role === "joiner") {
    return fail(
      `the ticket expired at ${timeText(expires)}, before all seats were taken`,
      `ask its creator, ${open.ticket.creator}, for a new one`,
    );
  }
  return fail(
    `the tickets expired at ${timeText(expires)} with ${open.taken} of ${open.seats} seats taken`,
    "create the run anew in another folder: klatch run create FOLDER --expires 14d",
  );
}

// --- internal ---

function isOpen(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  return status !== undefined && (status.mode & 0o077) !== 0;
}

function pastAdmission({ dataDir }: Config): string {
  const state = readAdmissions(dataDir);
  if (state !== null) return seatsText(takenOf(state), state.seats, state.expires);
  return readTicket(dataDir) === null ? "members are listed by hand" : "joined by a ticket";
}
