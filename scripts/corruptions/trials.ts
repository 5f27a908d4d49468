import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRandom } from "../../testnet/random.ts";
import { damaged } from "./damage.ts";
import { bytesIn, type FileKind } from "./kept-folder.ts";
import { type Reading, readFolder } from "./reading.ts";

/**
 * What became of a damage: nothing changed, it was told, what was lost is made good before it matters, or one of three
 * faults.
 */
export type Outcome = "harmless" | "told" | "made-good" | "silent" | "wrong" | "crash";

export interface Trial {
  readonly kind: string;
  readonly how: string;
  readonly outcome: Outcome;
  /** What was found that is not so, what was lost, or what was thrown. */
  readonly detail: string;
}

/** Damages one kind of file so many times, each time in an intact folder, and reads that folder. */
export async function tryDamages(
  folder: string,
  kind: FileKind,
  { trials, seed }: { readonly trials: number; readonly seed: number },
): Promise<readonly Trial[]> {
  const random = createRandom(seed, kind.name);
  const intact = bytesIn(folder, kind);
  const earlier = await earlierOf(folder);
  const outcomes: Trial[] = [];
  for (let trial = 0; trial < trials; trial += 1) {
    const { how, bytes } = damaged(intact, kind.regions, random);
    const found = await inCopy(join(folder, kind.state), async (copy) => {
      writeFileSync(join(copy, kind.path), bytes);
      return readFolder(copy);
    });
    outcomes.push({ kind: kind.name, how, ...judge(found, earlier) });
  }
  return outcomes;
}

// --- internal ---

/** What may be found: what was kept last, and of generations those before. */
interface Kept {
  readonly last: ReadonlyMap<string, string>;
  readonly before: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * What may be lost without a word. What was said about the open height, and blocks, are asked of the others before
 * anything is signed; a result is evaluated again; without an address the configuration says where the status is.
 */
const MADE_GOOD = ["said", "block", "result", "address"];

/** Kinds of which more than one generation is kept, by what they are read as, and where the newest lies. */
const GENERATIONS = [
  ["checkpoint", "checkpoint-00000040.klatch"],
  ["training alone", "training-00000020.klatch"],
] as const;

async function earlierOf(folder: string): Promise<Kept> {
  const stopped = join(folder, "stopped");
  const last = (await inCopy(stopped, readFolder)).values;
  const before = await Promise.all(
    GENERATIONS.map(async ([name, newest]) => {
      const { values } = await inCopy(stopped, (copy) => {
        rmSync(join(copy, pathOf(copy, newest)));
        return readFolder(copy);
      });
      return [name, new Set([values.get(name) ?? ""])] as const;
    }),
  );
  return { last, before: new Map(before) };
}

function judge(
  { values, said, crashes }: Reading,
  { last, before }: Kept,
): Pick<Trial, "outcome" | "detail"> {
  if (crashes.length > 0) return { outcome: "crash", detail: crashes.join("\n") };
  const wrong = [...values].filter(
    ([name, text]) => last.get(name) !== text && before.get(name)?.has(text) !== true,
  );
  if (wrong.length > 0) return { outcome: "wrong", detail: wrong.map(String).join("; ") };
  const lost = [...last].filter(([name, text]) => values.get(name) !== text);
  const detail = lost.map(([name]) => name.slice(0, 60)).join("; ");
  if (said.length > 0) return { outcome: "told", detail: said.join("; ") };
  if (lost.length === 0) return { outcome: "harmless", detail };
  const isMadeGood = lost.every(([name]) => MADE_GOOD.includes(name.split(" ")[0] ?? ""));
  return { outcome: isMadeGood ? "made-good" : "silent", detail };
}

function pathOf(folder: string, name: string): string {
  const found = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return found.find((path) => path.endsWith(name)) ?? name;
}

async function inCopy<T>(folder: string, work: (copy: string) => Promise<T>): Promise<T> {
  const copy = mkdtempSync(`${folder}-`);
  try {
    cpSync(folder, copy, { recursive: true });
    return await work(copy);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
