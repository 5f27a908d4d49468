import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { KlatchError } from "../src/errors.ts";
import { AUTO_CACHE } from "../src/node/folders/cache-folder.ts";
import { checkOutFolder } from "../src/node/folders/out-folder.ts";
import { bundledModel } from "../src/node/folders/package-folder.ts";
import { makeScratchFolder, type ScratchFolder } from "../src/node/folders/scratch-folder.ts";
import { parseHubModel } from "../src/training/index.ts";
import { BUNDLED, type TestnetOptions } from "./options.ts";

/** Everything that a testnet puts into its folder. */
const OWN_NAMES =
  /^(peer-\d+|collusion|messages|requests|test\.jsonl|pooled\.jsonl|options\.json|keeper\.log)$/;

/** The folder that was named, which stays, or one of this process alone. */
export async function openWorkingFolder(path: string | undefined): Promise<ScratchFolder> {
  if (path === undefined) return makeTestnetScratch();
  makeWorkingFolder(path);
  return { path, remove: () => undefined, leave: () => undefined };
}

/** A folder of this process alone. */
export function makeTestnetScratch(): Promise<ScratchFolder> {
  return makeScratchFolder(cacheName(), "--folder FOLDER, or KLATCH_CACHE");
}

/** The cache of this user, or the folder that KLATCH_CACHE names: peers, baselines and scratch folders share it. */
export function cacheName(): string {
  const { KLATCH_CACHE } = process.env;
  return KLATCH_CACHE ? resolve(KLATCH_CACHE) : AUTO_CACHE;
}

/**
 * Empties and makes the folder that was named for the peers' folders, logs and data. What an earlier testnet left
 * there goes; throws `usage` where there is anything else.
 */
export function makeWorkingFolder(path: string): void {
  const folder = resolve(path);
  checkOutFolder(folder);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const foreign = names.find((name) => !OWN_NAMES.test(name));
  if (foreign !== undefined) {
    throw new KlatchError(
      "usage",
      `the folder ${folder} holds something else: ${foreign}`,
      "Name an empty or a new folder.",
    );
  }
  for (const name of names) rmSync(join(folder, name), { recursive: true });
  mkdirSync(folder, { recursive: true });
}

/** Whether a model is named as the hub names it, and there is no folder of that name. */
export function isOnHub(model: string): boolean {
  return parseHubModel(model) !== null && !existsSync(model);
}

/** Makes every path absolute: the peers run in folders of their own. */
export function withPaths(options: TestnetOptions): TestnetOptions {
  const { model, data, test, report, folder } = options;
  return {
    ...options,
    model: modelPath(model),
    data: data === BUNDLED ? data : resolve(data),
    ...(test === undefined ? {} : { test: resolve(test) }),
    ...(report === undefined ? {} : { report: resolve(report) }),
    ...(folder === undefined ? {} : { folder: resolve(folder) }),
  };
}

// --- internal ---

function modelPath(model: string): string {
  if (model === BUNDLED) return bundledModel();
  return isOnHub(model) ? model : resolve(model);
}
