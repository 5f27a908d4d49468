import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { HISTORY } from "./history.ts";

const ROOT = join(import.meta.dirname, "../../..");
const QUINT = join(ROOT, "node_modules/@informalsystems/quint/dist/src/cli.js");
const SPECIFICATION = join(ROOT, "test/specification");
const FILES = ["agreed.qnt", "member.qnt"] as const;

/** How many random histories, and how long each is. */
export interface Histories {
  readonly seed: number;
  readonly samples: number;
  readonly events: number;
}

/** A text of the specification, and what stands there instead. */
export type Edit = readonly [from: string, to: string];

/**
 * Has Quint run the specification at random, and write its histories to a folder. Its invariants are checked in every
 * state: histories that break them say so.
 */
export async function runSpecification(
  folder: string,
  { seed, samples, events }: Histories,
  edits: readonly Edit[] = [],
): Promise<void> {
  const texts = FILES.map((name) => readFileSync(join(SPECIFICATION, name), "utf8"));
  for (const [i, text] of edited(texts, edits).entries()) {
    writeFileSync(join(folder, FILES[i] as string), text);
  }
  const options = {
    ...{ backend: "typescript", invariant: "safe", verbosity: 0, seed },
    ...{ "max-samples": samples, "n-traces": samples, "max-steps": events },
    "out-itf": join(folder, `{seq}${HISTORY}`),
  };
  const given = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  try {
    await promisify(execFile)(process.execPath, [
      QUINT,
      "run",
      "--mbt",
      ...given,
      join(folder, FILES[0]),
    ]);
  } catch (error) {
    // a broken invariant is a finding, which stands in the histories
    const hasHistories = readdirSync(folder).some((name) => name.endsWith(HISTORY));
    if (!hasHistories) throw error;
  }
}

// --- internal ---

/** The texts with each edit made in the one that has it. */
function edited(texts: readonly string[], edits: readonly Edit[]): readonly string[] {
  return edits.reduce((sofar, [from, to]) => {
    const pieces = sofar.reduce((sum, text) => sum + text.split(from).length - 1, 0);
    if (pieces !== 1) throw new Error(`the specification has not one "${from}"`);
    return sofar.map((text) => text.replace(from, () => to));
  }, texts);
}
