import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { CHUNK_TOKENS } from "../../../../src/training/data/dataset/example-store.ts";
import {
  openTokenFile,
  TokenFileWriter,
} from "../../../../src/training/data/dataset/token-file.ts";
import { inFolder } from "../files/tiny-model.ts";

const CHUNKS = 8;
const BYTES = 4 * CHUNKS * CHUNK_TOKENS;

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** Collections until what is free has been freed: some of it is by tasks that run between them. */
const COLLECTIONS = 20;

/** Bytes of arrays that are in use. */
async function arrays(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < COLLECTIONS; i += 1) {
    collect();
    await setImmediate();
    least = Math.min(least, process.memoryUsage().arrayBuffers);
  }
  return least;
}

/** Bytes of arrays that an open set of eight examples holds, and what its last example begins with. */
async function openedWith(memoryTokens: number) {
  return await inFolder(async (folder) => {
    const file = join(folder, "a.tokens");
    const writer = await TokenFileWriter.create(file);
    for (let i = 0; i < CHUNKS; i += 1) {
      await writer.write([new Int32Array(CHUNK_TOKENS).fill(i + 1)]);
    }
    const lengths = new Uint32Array(CHUNKS).fill(CHUNK_TOKENS);
    const counts = { tokens: CHUNKS * CHUNK_TOKENS, truncated: 0, skipped: 0, duplicates: 0 };
    await writer.finish(
      { lengths, hashes: new Float64Array(CHUNKS) },
      {
        format: "text",
        seams: { separated: 0, own: 0 },
        summary: { examples: CHUNKS, notes: [], ...counts },
      },
    );
    const before = await arrays();
    const opened = await openTokenFile(file, memoryTokens);
    const held = (await arrays()) - before;
    const last = opened?.examples.at(CHUNKS - 1)?.ids[0];
    opened?.examples.close();
    return { held, last };
  });
}

test("a set that is larger than what may be in memory stays in its file", async () => {
  const large = await openedWith(CHUNK_TOKENS);
  const small = await openedWith(CHUNKS * CHUNK_TOKENS);

  expect(large.held).toBeLessThan(BYTES / 8);
  // Control: the same set is in memory where it may be.
  expect(small.held).toBeGreaterThan(BYTES / 2);
  expect([large.last, small.last]).toEqual([CHUNKS, CHUNKS]);
});
