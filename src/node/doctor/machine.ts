import { readFileSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { findPackageJSON } from "node:module";
import { cpus } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { Config } from "../config/config.ts";
import { nearestFolder } from "../folders/nearest-folder.ts";
import { checkOutFolder } from "../folders/out-folder.ts";
import { packageFolder } from "../folders/package-folder.ts";
import { bytes } from "../view/table.ts";
import { type Finding, fail, pass, unknown, warn } from "./check.ts";

const GIB = 2 ** 30;
/** Free memory and disk below which a node is likely to fail sooner or later. */
const MEMORY_MIN = GIB / 2;
const DISK_MIN = GIB / 4;
const DISK_COMFORTABLE = 2 * GIB;
/** How long two clocks are compared, and how far they may drift apart meanwhile, ms. */
const CLOCK_MS = 250;
const DRIFT_MAX = 50;
/** Files that a node has open besides its connections: modules, ledger, data, status endpoint. */
const FILES_MIN = 256;
/** A member and the handshakes of those who come again. */
const FILES_PER_PEER = 4;

/** Node's version, platform and processors. */
export function checkRuntime(version = process.versions.node): Finding {
  const detail = `Node ${version} on ${process.platform} ${process.arch}, ${cpus().length} CPUs`;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isSupported = major > 22 || (major === 22 && minor >= 18);
  return isSupported ? pass(detail) : fail(detail, "install Node 24 (22.18 at least)");
}

/** Whether every package that klatch needs is there in its version, and the native ones besides the engine load. */
export async function checkPackages(folder = packageFolder()): Promise<Finding> {
  const fix = "install klatch again; in a checkout: npm ci";
  const manifest = join(folder, "package.json");
  const { dependencies } = readManifest(manifest);
  const wrong = Object.entries(dependencies).flatMap(([name, wanted]) => {
    const found = manifestOf(name, manifest);
    if (found === null) return [`${name} is missing`];
    const { version } = readManifest(found);
    return version === wanted ? [] : [`${name} is ${version}, not ${wanted}`];
  });
  if (wrong.length > 0) return fail(wrong.join("; "), fix);
  const unloaded = await Promise.all(NATIVE.map(([name, load]) => whyNotLoaded(name, load)));
  const broken = unloaded.filter((reason) => reason !== null);
  if (broken.length > 0) return fail(broken.join("; "), fix);
  const native = NATIVE.map(([name]) => name).join(" and ");
  return pass(`all ${Object.keys(dependencies).length} there; ${native} load`);
}

/** Memory that this process could still have. */
export function checkMemory(): Finding {
  const available = process.availableMemory();
  const used = process.memoryUsage.rss();
  const detail = `${bytes(available)} available, ${bytes(used)} in use after one training step`;
  const fix = "close other programs, or lower run.batchSize or run.sequenceMax";
  return available >= MEMORY_MIN ? pass(detail) : warn(detail, fix);
}

/** Whether the data folder can be written, and space where it is or will be. */
export async function checkDisk(
  { dataDir }: Pick<Config, "dataDir">,
  spaceOf: (folder: string) => Promise<{ bavail: number; bsize: number }> = statfs,
): Promise<Finding> {
  checkOutFolder(dataDir);
  const folder = nearestFolder(dataDir);
  const { bavail, bsize } = await spaceOf(folder);
  const free = bavail * bsize;
  const detail = `${bytes(free)} free at ${folder}`;
  const fix = "free some space, or set dataDir to another disk";
  if (free < DISK_MIN) return fail(detail, fix);
  return free < DISK_COMFORTABLE ? warn(detail, fix) : pass(detail);
}

/** The clock is not in the past, and runs at the speed of the processor's own. */
export async function checkClock(): Promise<Finding> {
  const fix = "set the clock by a time server (NTP)";
  const installed = statSync(join(packageFolder(), "package.json")).mtimeMs;
  if (Date.now() < installed - 60_000) {
    return fail(`${new Date().toISOString()} is before klatch was installed`, fix);
  }
  const wall = Date.now();
  const steady = performance.now();
  await delay(CLOCK_MS);
  const drift = Math.abs(Date.now() - wall - (performance.now() - steady));
  const detail = `${new Date().toISOString()}, drift ${drift.toFixed(1)} ms in ${CLOCK_MS} ms`;
  return drift <= DRIFT_MAX ? pass(detail) : warn(detail, fix);
}

/** Whether as many files may be open as members that may connect. */
export function checkOpenFiles(
  { network }: Pick<Config, "network">,
  limit = processLimit("Max open files"),
): Finding {
  if (limit === null) return unknown("the limit is not told on this system", "see: ulimit -n");
  const needed = FILES_MIN + FILES_PER_PEER * network.maxPeers;
  const detail = `${limit} may be open, ${needed} are enough for network.maxPeers ${network.maxPeers}`;
  const isEnough = limit === "unlimited" || Number(limit) >= needed;
  return isEnough ? pass(detail) : warn(detail, `start it after: ulimit -n ${needed}`);
}

/** Whether a crash would leave memory, with rows in it, on the disk. */
export function checkCoreDumps(limit = processLimit("Max core file size")): Finding {
  if (limit === null) return unknown("not told on this system", "see: ulimit -c");
  if (limit === "0") return pass("a crash writes none");
  return warn(
    "a crash would write memory, with rows in it, to a core dump",
    "start it after: ulimit -c 0",
  );
}

// --- internal ---

/** Native packages that are loaded when they are needed; whether ONNX Runtime loads, its trial step tells. */
const NATIVE: readonly (readonly [string, () => Promise<unknown>])[] = [
  ["sharp", () => import("sharp")],
  ["@resvg/resvg-js", () => import("@resvg/resvg-js")],
];

async function whyNotLoaded(name: string, load: () => Promise<unknown>): Promise<string | null> {
  try {
    await load();
    return null;
  } catch (error) {
    const [line = ""] = String(error).split("\n");
    return `${name} does not load: ${line}`;
  }
}

/** The manifest of a package as `from` would find it; null where there is none. */
function manifestOf(name: string, from: string): string | null {
  try {
    return findPackageJSON(name, pathToFileURL(from)) ?? null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return null;
    throw error;
  }
}

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

function readManifest(file: string): Manifest {
  return JSON.parse(readFileSync(file, "utf8")) as Manifest;
}

/** What the kernel lets this process have, as it says it; null where there is nobody to ask (Linux only). */
function processLimit(name: string): string | null {
  if (process.platform !== "linux") return null;
  const limits = readFileSync("/proc/self/limits", "utf8");
  return new RegExp(`^${name}\\s+(\\S+)`, "m").exec(limits)?.[1] ?? null;
}
