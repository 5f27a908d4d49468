import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseDocument } from "yaml";
import { KlatchError } from "../../src/errors.ts";
import { BUNDLED, type TestnetInput, testnetOptionsSchema } from "../options.ts";
import { isOnHub } from "../working-folder.ts";

const FILE_BYTES_MAX = 1_048_576;
/** Keys whose values are places: from where the file lies. */
const PLACES = ["model", "data", "test"] as const;

/**
 * Reads a scenario: what `klatch testnet run` takes as flags, by the same names, with what befalls the peers (`faults`,
 * `clocks`) and what must come of it (`expect`), as YAML.
 *
 * @throws KlatchError `usage` with the file and the key, for what is missing, unknown or out of bounds
 */
export function readScenario(file: string): TestnetInput {
  const tree = readTree(file);
  const parsed = testnetOptionsSchema.safeParse(tree);
  if (!parsed.success) {
    const { path = [], message = "" } = parsed.error.issues[0] ?? {};
    throw refusal(`${file}: ${[...path, ""].join(": ")}${message}`);
  }
  return { ...(tree as TestnetInput), ...placesIn(tree as TestnetInput, dirname(file)) };
}

// --- internal ---

function readTree(file: string): unknown {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile()) throw refusal(`${file}: no such file`);
  if (found.size > FILE_BYTES_MAX) throw refusal(`${file}: larger than 1 MiB`);
  const document = parseDocument(readFileSync(file, "utf8"));
  const [error] = document.errors;
  if (error !== undefined) throw refusal(`${file}: ${error.message.split("\n")[0]}`);
  return document.toJS({ maxAliasCount: 100 }) ?? {};
}

function placesIn(tree: TestnetInput, folder: string): Partial<TestnetInput> {
  const named = PLACES.flatMap((key) => {
    const value = tree[key];
    if (value === undefined || value === BUNDLED) return [];
    return key === "model" && isOnHub(value) ? [] : [[key, resolve(folder, value)]];
  });
  return Object.fromEntries(named);
}

function refusal(message: string): KlatchError {
  return new KlatchError(
    "usage",
    message,
    "See docs/OPERATING.md for scenario files, and testnet/scenarios for some.",
  );
}
