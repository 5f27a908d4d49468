import { readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type CacheOptions, loadDataset } from "../../../../src/training/data/dataset/dataset.ts";
import {
  CHUNK_TOKENS,
  ExampleStore,
  ExampleWriter,
  tokensInMemory,
} from "../../../../src/training/data/dataset/example-store.ts";
import { pruneCache, TokenCache } from "../../../../src/training/data/dataset/token-cache.ts";
import { type Example, learnedParts } from "../../../../src/training/data/examples/example.ts";
import type { Tokenizer } from "../../../../src/training/data/tokenizer/tokenizer.ts";
import { inFolder } from "../files/tiny-model.ts";
import { examplesOf, tinyTokenizer, writeFiles } from "./data-files.ts";

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await tinyTokenizer();
});

describe("the store of examples", () => {
  function roundTrip(examples: readonly Example[]): readonly Example[] {
    const writer = new ExampleWriter();
    const chunks: Int32Array[] = [];
    for (const [i, example] of examples.entries()) {
      writer.add(example, i);
      chunks.push(...writer.takeFull());
    }
    const end = writer.finish();
    const store = new ExampleStore(end.index, tokensInMemory([...chunks, ...end.chunks]));
    expect([...store.index.hashes]).toEqual(examples.map((_, i) => i));
    return examplesOf({ examples: store });
  }
  const facts = (examples: readonly Example[]) =>
    examples.map((each) => [[...each.ids], learnedParts(each), each.truncated, each.lost]);

  it("gives back every example with what is learned of it", () => {
    const mask = fc.array(fc.boolean(), { minLength: 1, maxLength: 20 });
    const lost = fc.record({
      tokens: fc.integer({ min: 0, max: 2 ** 30 - 1 }),
      isLeast: fc.boolean(),
    });
    const example = fc.tuple(mask, fc.option(lost)).map(([learned, lost]): Example => {
      const parts: [number, number][] = [];
      for (const [i, isLearned] of learned.entries()) {
        const last = parts.at(-1);
        if (!isLearned || i === 0) continue;
        if (last?.[1] === i) last[1] = i + 1;
        else parts.push([i, i + 1]);
      }
      const ids = Int32Array.from(learned, (_, i) => (1 << 22) - 1 - i);
      return {
        ids,
        promptLength: parts[0]?.[0] ?? ids.length,
        parts,
        truncated: lost !== null,
        ...(lost && { lost }),
      };
    });
    fc.assert(
      fc.property(fc.array(example, { maxLength: 20 }), (examples) => {
        expect(facts(roundTrip(examples))).toEqual(facts(examples));
      }),
    );
  });

  it("splits no example between two chunks", () => {
    const lengths = [CHUNK_TOKENS - 5, 10, CHUNK_TOKENS, 3];
    const examples = lengths.map((length, i) => ({
      ids: new Int32Array(length).fill(i + 1),
      promptLength: 1,
      truncated: false,
    }));
    const back = roundTrip(examples);
    expect(back.map(({ ids }) => ids.length)).toEqual(lengths);
    for (const [i, { ids }] of back.entries()) expect(ids.every((id) => id === i + 1)).toBe(true);
  });
});

const DATA = Array.from({ length: 40 }, (_, i) => ({
  prompt: "abcde".slice(i % 5),
  completion: "de".repeat(1 + (i % 7)),
}));
const FILE = DATA.map((row) => JSON.stringify(row)).join("\n");

async function inCache(
  use: (
    load: (
      options?: Partial<CacheOptions> & { max?: number; with?: Tokenizer },
    ) => ReturnType<typeof loadDataset>,
    folder: string,
  ) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    await writeFiles(folder, { "a.jsonl": FILE });
    const cache = join(folder, "cache");
    await use(async ({ max = 16, with: other = tokenizer, ...options } = {}) => {
      const set = await loadDataset([join(folder, "a.jsonl")], {}, other, max, {
        cache: { folder: cache, fromBytes: 0, ...options },
      });
      return set;
    }, folder);
  });
}

const cached = async (folder: string) => (await readdir(join(folder, "cache"))).sort();
/** A tokenizer that counts how often it is asked. */
function counting(): { readonly tokenizer: Tokenizer; calls(): number } {
  let calls = 0;
  const encode = (text: string) => {
    calls += 1;
    return tokenizer.encode(text);
  };
  return { tokenizer: { ...tokenizer, encode }, calls: () => calls };
}

describe("the cache of tokens", () => {
  it("gives the same data set without asking the tokenizer again", async () => {
    await inCache(async (load, folder) => {
      const plain = await loadDataset([join(folder, "a.jsonl")], {}, tokenizer, 16);
      await load();
      const second = counting();
      const again = await load({ with: second.tokenizer });
      expect(second.calls()).toBe(0);
      expect(examplesOf(again)).toEqual(examplesOf(plain));
      expect(again.hashes).toEqual(plain.hashes);
      expect(again.summary).toEqual(plain.summary);
      expect(await cached(folder)).toHaveLength(1);
    });
  });

  it("serves a set that is not taken into memory, even when its file has lost its name", async () => {
    await inCache(async (load, folder) => {
      const plain = await load();
      const set = await load({ memoryTokens: 0 });
      await pruneCache(join(folder, "cache"), 0);
      expect(examplesOf(set)).toEqual(examplesOf(plain));
      set.examples.close?.();
      expect(() => set.examples.at(0)).toThrow();
    });
  });

  it("is another one for other data, tokens, template or settings", async () => {
    await inCache(async (load, folder) => {
      await load();
      await load({ max: 17 });
      await load({ with: { ...tokenizer, digest: "other" } });
      await load({ with: { ...tokenizer, settingsDigest: "other" } });
      await load({ with: { ...tokenizer, bosId: null } });
      const layOut = () => ({ text: "", marked: null, turns: new Map() });
      await load({ with: { ...tokenizer, chat: { digest: "other", layOut, render: () => "" } } });
      await writeFile(join(folder, "a.jsonl"), `${FILE}\n${JSON.stringify(DATA[0])}`);
      await load();
      expect(await cached(folder)).toHaveLength(7);
    });
  });

  it.each([
    ["cut off", (bytes: Buffer) => bytes.subarray(0, bytes.length - 40)],
    ["empty", () => Buffer.alloc(0)],
    ["changed in one bit", (bytes: Buffer) => bytes.fill((bytes[20] ?? 0) ^ 4, 20, 21)],
    [
      "something else",
      () =>
        Buffer.from(
          "not a token file at all, but long enough to be looked into ....................",
        ),
    ],
  ])("that is %s is made again", async (_, damage) => {
    await inCache(async (load, folder) => {
      const plain = await load();
      const [name = ""] = await cached(folder);
      const file = join(folder, "cache", name);
      const whole = await readFile(file);
      await writeFile(file, damage(Buffer.from(whole)));
      const second = counting();
      expect(examplesOf(await load({ with: second.tokenizer }))).toEqual(examplesOf(plain));
      expect(second.calls()).toBeGreaterThan(0);
      expect((await readFile(file)).equals(whole)).toBe(true);
    });
  });

  it.each([
    ["in memory", 1e9],
    ["in the file", 0],
  ])("serves a set %s whose file is removed while it is opened", async (_, memoryTokens) => {
    await inCache(async (load, folder) => {
      const plain = await load();
      const [name = ""] = await cached(folder);
      const file = join(folder, "cache", name);
      const bytes = await readFile(file);
      const rows = { columns: {}, packing: "none", separator: " :" } as const;
      const reading = { ...rows, tokenizer, sequenceMax: 16 };
      const cache = await TokenCache.open(
        join(folder, "cache"),
        [join(folder, "a.jsonl")],
        reading,
      );
      let served = 0;
      // Some operations later each time, so that every moment of the opening is hit.
      for (let later = 0; later < 16; later += 1) {
        await writeFile(file, bytes);
        const opened = cache.read(memoryTokens);
        for (let i = 0; i < later; i += 1) await stat(folder);
        await rm(file, { force: true });
        const found = await opened;
        served += Number(found !== null);
        if (found) expect(examplesOf(found)).toEqual(examplesOf(plain));
        found?.examples.close();
      }
      expect(served).toBeGreaterThan(0);
    });
  });

  it("leaves nothing behind when the data is bad", async () => {
    await inCache(async (load, folder) => {
      await writeFile(join(folder, "a.jsonl"), `${FILE}\n{`);
      await expect(load()).rejects.toThrow(/a\.jsonl:41: not valid JSON/);
      expect(await cached(folder)).toEqual([]);
    });
  });

  it("is readable by its owner alone", async () => {
    await inCache(async (load, folder) => {
      await load();
      const [name = ""] = await cached(folder);
      expect((await stat(join(folder, "cache"))).mode & 0o077).toBe(0);
      expect((await stat(join(folder, "cache", name))).mode & 0o077).toBe(0);
    });
  });

  it("forgets what was not used for longest, and what killed writers left; the newest stays", async () => {
    await inFolder(async (folder) => {
      const ages = {
        "old.tokens": 30,
        "mid.tokens": 20,
        "new.tokens": 10,
        "left.part": 90_000,
        "now.part": 5,
      };
      await writeFiles(
        folder,
        Object.fromEntries(Object.keys(ages).map((name) => [name, "x".repeat(10)])),
      );
      for (const [name, seconds] of Object.entries(ages)) {
        const at = Date.now() / 1000 - seconds;
        await utimes(join(folder, name), at, at);
      }
      await pruneCache(folder, 25);
      expect((await readdir(folder)).sort()).toEqual(["mid.tokens", "new.tokens", "now.part"]);
      await pruneCache(folder, 1);
      expect((await readdir(folder)).sort()).toEqual(["new.tokens", "now.part"]);
    });
  });
});
