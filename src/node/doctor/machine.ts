import { statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../config/config.ts";
import { nearestFolder } from "../folders/nearest-folder.ts";
import { checkOutFolder } from "../folders/out-folder.ts";
import { packageFolder } from "../folders/package-folder.ts";
import { bytes } from "../view/table.ts";
import { attempt, type Check, fail, pass, warn } from "./check.ts";

const GIB = 2 ** 30;
/** Free memory and disk below which a node is likely to fail sooner or later. */
const MEMORY_MIN = GIB / 2;
const DISK_MIN = GIB / 4;
const DISK_COMFORTABLE = 2 * GIB;
/** How long two clocks are compared, and how far they may drift apart meanwhile, ms. */
const CLOCK_MS = 250;
const DRIFT_MAX = 50;

/** Node's version, platform and processors. */
export function checkRuntime(): Check {
  const detail = `Node ${process.versions.node} on ${process.platform} ${process.arch}, ${cpus().length} CPUs`;
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isSupported = major > 22 || (major === 22 && minor >= 18);
  return isSupported
    ? pass("runtime", detail)
    : fail("runtime", detail, "install Node 24 (22.18 at least)");
}

/** Memory that this process could still have. */
export function checkMemory(): Check {
  const available = process.availableMemory();
  const used = process.memoryUsage.rss();
  const detail = `${bytes(available)} available, ${bytes(used)} in use after one training step`;
  return available >= MEMORY_MIN
    ? pass("memory", detail)
    : warn("memory", detail, "close other programs, or lower run.batchSize or run.sequenceMax");
}

/** Whether the data folder can be written, and space where it is or will be. */
export function checkDisk(config: Config): Promise<Check> {
  return attempt("disk", async () => {
    checkOutFolder(config.dataDir);
    return await checkSpace(config);
  });
}

async function checkSpace(config: Config): Promise<Check> {
  const folder = nearestFolder(config.dataDir);
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const detail = `${bytes(free)} free at ${folder}`;
  const fix = "free some space, or set dataDir to another disk";
  if (free < DISK_MIN) return fail("disk", detail, fix);
  return free < DISK_COMFORTABLE ? warn("disk", detail, fix) : pass("disk", detail);
}

/** The clock is not in the past, and runs at the speed of the processor's own. */
export async function checkClock(): Promise<Check> {
  const fix = "set the clock by a time server (NTP)";
  const installed = statSync(join(packageFolder(), "package.json")).mtimeMs;
  if (Date.now() < installed - 60_000) {
    return fail("clock", `${new Date().toISOString()} is before klatch was installed`, fix);
  }
  const wall = Date.now();
  const steady = performance.now();
  await delay(CLOCK_MS);
  const drift = Math.abs(Date.now() - wall - (performance.now() - steady));
  const detail = `${new Date().toISOString()}, drift ${drift.toFixed(1)} ms in ${CLOCK_MS} ms`;
  return drift <= DRIFT_MAX ? pass("clock", detail) : warn("clock", detail, fix);
}
