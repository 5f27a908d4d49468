import { createHash } from "node:crypto";
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { packageVersion } from "../../src/node/folders/package-folder.ts";
import { digestOf } from "../../src/node/peer/manifest.ts";
import { writeAtomically } from "../../src/node/store/atomic-file.ts";
import { realFileSystem } from "../../src/node/store/file-system.ts";

/** Raised where the same options give other numbers. */
const CELLS_VERSION = 3;

const cellSchema = z.strictObject({
  depends: z.unknown(),
  /** Null of what diverged. */
  loss: z.number().nullable(),
  /** Trust in each peer at the end, null of one that was evicted; nothing of who trained alone. */
  levels: z.array(z.number().nullable()).max(1000),
  /** Share of the test rows with a backdoor's trigger that are answered as its attackers want; null of who trained alone. */
  opened: z.number().nullable(),
  /** Share of the canaries that are refused; null without canaries, and of who trained alone. */
  refused: z.number().nullable(),
  cpuSeconds: z.number(),
});

/** What a run gave. */
export type CellResult = Omit<z.output<typeof cellSchema>, "depends">;

/** Results that last: a file each, named by the digest of all that it depends on. */
export class CellStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = join(folder, "cells");
    mkdirSync(this.#folder, { recursive: true });
  }

  /** What is kept of a cell, else what running it gives. A file that cannot be read is as good as none. */
  async get(depends: object, run: () => Promise<CellResult>): Promise<CellResult> {
    const known = { cells: CELLS_VERSION, klatch: packageVersion(), ...depends };
    const file = join(this.#folder, `${digestOf(JSON.stringify(known))}.json`);
    const kept = readCell(file);
    if (kept !== null) return kept;
    const cell = await run();
    const text = `${JSON.stringify({ depends: known, ...cell }, null, 2)}\n`;
    writeAtomically(realFileSystem, file, [Buffer.from(text)]);
    return cell;
  }
}

/** One digest of the names and bytes of files, folders and all that is in them; a name without a file is itself. */
export async function digestOfInputs(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) {
    for (const file of filesOf(path)) {
      hash.update(`${file.slice(path.length)}\n`);
      for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
    }
    if (!existsSync(path)) hash.update(`${path}\n`);
  }
  return hash.digest("hex");
}

// --- internal ---

function readCell(file: string): CellResult | null {
  if (!existsSync(file)) return null;
  try {
    const { depends: _, ...cell } = cellSchema.parse(JSON.parse(readFileSync(file, "utf8")));
    return cell;
  } catch {
    return null;
  }
}

function filesOf(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => join(path, name))
    .filter((file) => statSync(file).isFile());
}
