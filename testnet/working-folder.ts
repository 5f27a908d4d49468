import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { KlatchError } from "../src/errors.ts";
import { checkOutFolder } from "../src/node/out-folder.ts";
import type { TestnetOptions } from "./options.ts";

/** Everything that a testnet puts into its folder. */
const OWN_NAMES = /^(peer-\d+|test\.jsonl|pooled\.jsonl|options\.json|keeper\.log)$/;

/**
 * The folder for the peers' folders, logs and data: the one named, else a new temporary one. What an earlier testnet left
 * there goes; throws `usage` where there is anything else.
 */
export function makeWorkingFolder(path: string | undefined): string {
  if (path === undefined) return mkdtempSync(join(tmpdir(), "klatch-testnet-"));
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
  return folder;
}

/** Makes every path absolute: the peers run in folders of their own. */
export function withPaths(options: TestnetOptions): TestnetOptions {
  const { model, data, test, report, folder } = options;
  return {
    ...options,
    model: resolve(model),
    data: resolve(data),
    ...(test === undefined ? {} : { test: resolve(test) }),
    ...(report === undefined ? {} : { report: resolve(report) }),
    ...(folder === undefined ? {} : { folder: resolve(folder) }),
  };
}
