import { existsSync } from "node:fs";
import { join } from "node:path";
import { KlatchError } from "../../errors.ts";
import { parseHubModel } from "../../training/index.ts";
import type { Config } from "../config/config.ts";
import { answer, type Check, type CheckEntry, type Finding, fail, pass } from "./check.ts";
import { checkClock, checkDisk, checkRuntime } from "./machine.ts";
import { checkPorts } from "./reach.ts";

/** What `klatch doctor` finds out in a second: no model is loaded, and nobody is called. */
export async function quickChecks(config: Config): Promise<readonly Check[]> {
  const answers: Check[] = [];
  for (const each of QUICK) answers.push(...(await answer(each, config)));
  return answers;
}

/** @throws KlatchError for the first check that failed, with its fix as the hint */
export function requirePassed(checks: readonly Check[]): void {
  const failed = checks.find(({ status }) => status === "fail");
  if (failed === undefined) return;
  const { name, detail, fix } = failed;
  throw new KlatchError(name === "data" ? "data" : "usage", `${name}: ${detail}`, fix);
}

/** @throws KlatchError `usage` where a model is neither a folder of one nor a name of the hub */
export function requireModel(model: string): void {
  if (existsSync(join(model, "config.json"))) return;
  if (parseHubModel(model) !== null && !existsSync(model)) return;
  throw new KlatchError(
    "usage",
    `${model} is no folder of a model`,
    "name a Hugging Face folder, or organisation/name of the hub, with --model",
  );
}

// --- internal ---

const QUICK: readonly Pick<CheckEntry<Config>, "name" | "look">[] = [
  { name: "runtime", look: () => checkRuntime() },
  { name: "data", look: ({ data }) => checkFiles(data.train) },
  { name: "disk", look: (config) => checkDisk(config) },
  { name: "clock", look: () => checkClock() },
  { name: "ports", look: (config) => checkPorts({ config }) },
];

function checkFiles(paths: readonly string[]): Finding {
  const missing = paths.filter((path) => !existsSync(path));
  return missing.length === 0
    ? pass(`${paths.length} files or folders to train on are there`)
    : fail(`there is no ${missing.join(", ")}`, "name the files to train on with --data");
}
