/**
 * Damages each kind of file that a node keeps in its data folder, in a seeded way, and reads the folder as a start does:
 * nothing read may differ from what was kept, what is lost must be told in a sentence, and nothing may be thrown that has
 * no hint.
 *
 *   node scripts/corruptions.ts [--trials 1000] [--seed 1] [--only NAME] [--folder FOLDER]
 *
 * Prints one JSON object: of each kind how many damages changed nothing and how many were told, and examples of faults.
 * Exits with 1 when there is any.
 */
import { parseArgs } from "node:util";
import { makeKeptFolder } from "./corruptions/kept-folder.ts";
import { type Trial, tryDamages } from "./corruptions/trials.ts";
import { printRunIn } from "./in-folder.ts";

const { values } = parseArgs({
  options: {
    trials: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    folder: { type: "string" },
  },
});
const EXAMPLES_MAX = 3;

await printRunIn({ folder: values.folder, prefix: "klatch-corruptions-" }, tryAll, isSound);

// --- internal ---

type Counts = Readonly<Record<string, number>>;

interface Corruptions {
  readonly byKind: Readonly<Record<string, Counts>>;
  readonly faults: readonly Trial[];
}

async function tryAll(folder: string, say: (line: string) => void): Promise<Corruptions> {
  const kinds = (await makeKeptFolder(folder)).filter(
    ({ name }) => values.only === undefined || name === values.only,
  );
  const byKind: Record<string, Counts> = {};
  const faults: Trial[] = [];
  for (const kind of kinds) {
    const trials = await tryDamages(folder, kind, {
      ...{ trials: Number(values.trials), seed: Number(values.seed) },
    });
    const outcomes = Map.groupBy(trials, ({ outcome }) => outcome);
    byKind[kind.name] = Object.fromEntries([...outcomes].map(([name, all]) => [name, all.length]));
    say(`${kind.name}: ${JSON.stringify(byKind[kind.name])}`);
    for (const fault of ["silent", "wrong", "crash"] as const) {
      faults.push(...(outcomes.get(fault) ?? []).slice(0, EXAMPLES_MAX));
    }
  }
  return { byKind, faults };
}

function isSound({ faults }: Corruptions): boolean {
  return faults.length === 0;
}
