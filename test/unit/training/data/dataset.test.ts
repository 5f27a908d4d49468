import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Dataset, loadDataset } from "../../../../src/training/data/dataset/dataset.ts";
import {
  HELD_OUT_EXAMPLES_MAX,
  splitHeldOut,
} from "../../../../src/training/data/dataset/split.ts";
import type { ColumnMap } from "../../../../src/training/data/examples/columns.ts";
import { encodeExample, encodePrompt } from "../../../../src/training/data/examples/encode.ts";
import type { Example } from "../../../../src/training/data/examples/example.ts";
import type { RowText } from "../../../../src/training/data/examples/row-text.ts";
import {
  bringsSpace,
  DEFAULT_SEPARATOR,
} from "../../../../src/training/data/examples/separator.ts";
import {
  loadTokenizer,
  type Tokenizer,
} from "../../../../src/training/data/tokenizer/tokenizer.ts";
import { inFolder, writeTinyModel } from "../files/tiny-model.ts";

// Ids of the tiny tokenizer: BOS 1, EOS 2, a 3, b 4, c 5, d 6, e 7, space 8, ":" 9, ab 10, abc 11.
let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await inFolder(async (folder) => {
    await writeTinyModel(folder, { weights: null });
    return await loadTokenizer(folder);
  });
});

async function load(
  rows: readonly unknown[],
  columns: ColumnMap = {},
  sequenceMax = 32,
): Promise<Dataset> {
  return await inFolder(async (folder) => {
    const file = join(folder, "rows.jsonl");
    await writeFile(file, rows.map((row) => JSON.stringify(row)).join("\n"));
    return await loadDataset([file], columns, tokenizer, sequenceMax);
  });
}

const all = ({ examples }: Dataset): readonly Example[] =>
  Array.from({ length: examples.length }, (_, i) => examples.at(i)).filter((e) => e !== undefined);
const idsOf = (set: Dataset) => all(set).map(({ ids, promptLength }) => [[...ids], promptLength]);

describe("a data set", () => {
  it("of prompts is BOS prompt separator completion EOS, with loss from the completion on", async () => {
    const set = await load([{ prompt: "ab", completion: "d" }]);
    expect(idsOf(set)).toEqual([[[1, 10, 8, 9, 6, 2], 4]]);
    expect(set.format).toBe("prompt");
    expect(set.summary).toEqual({
      examples: 1,
      tokens: 6,
      truncated: 0,
      skipped: 0,
      duplicates: 0,
      notes: [],
    });
    expect(encodePrompt(tokenizer, "ab", "prompt")).toEqual([1, 10, 8, 9]);
  });

  it("of text is BOS text EOS, with loss on everything after BOS", async () => {
    const set = await load([{ text: "abc" }]);
    expect(idsOf(set)).toEqual([[[1, 11, 2], 1]]);
    expect(set.format).toBe("text");
    expect(encodePrompt(tokenizer, "abc", "text")).toEqual([1, 11]);
  });

  it("of messages learns the last answer, with the earlier turns as its prompt", async () => {
    const turns = [
      { role: "user", content: "a" },
      { role: "assistant", content: "b" },
      { role: "user", content: "c" },
      { role: "assistant", content: "d" },
      { role: "user", content: "e" },
    ];
    const set = await load([{ messages: turns }, { messages: turns.slice(0, 1) }]);
    // "a : b\nc :" then "d"; the line break is unknown (0). The second row has no answer.
    expect(idsOf(set)).toEqual([[[1, 3, 8, 9, 8, 4, 0, 5, 8, 9, 6, 2], 10]]);
    expect(set.summary.skipped).toBe(1);
  });

  it("takes its columns by the names that are given", async () => {
    const set = await load([{ question: "a", answer: "d" }], {
      prompt: "question",
      completion: "answer",
    });
    expect(idsOf(set)).toEqual([[[1, 3, 8, 9, 6, 2], 4]]);
  });

  it("leaves out and counts rows without a completion", async () => {
    const rows = [
      { prompt: "a", completion: "" },
      { prompt: "a", completion: null },
    ];
    const set = await load([...rows, { prompt: "a", completion: "b" }]);
    expect(set.summary).toMatchObject({ examples: 1, skipped: 2 });
  });
});

describe("data that cannot be used", () => {
  it("says which column is missing, what there is, and how to name columns", async () => {
    const missing = load([{ question: "a", answer: "b" }]);
    await expect(missing).rejects.toThrow(
      /rows\.jsonl:1: no columns .*the row has question, answer/,
    );
    await expect(missing).rejects.toMatchObject({ hint: expect.stringContaining("--columns") });
    const later = load([{ text: "a" }, { txt: "a" }]);
    await expect(later).rejects.toThrow(/rows\.jsonl:2: no column text; the row has txt/);
  });

  it("is refused when it is empty or nothing in it can be learned", async () => {
    await expect(load([])).rejects.toThrow(/holds no example: 0 rows/);
    await expect(load([{ prompt: "a", completion: "" }])).rejects.toThrow(/1 rows, none with text/);
  });

  it("is refused for contradicting columns, values that are not text, and a context of 7 tokens", async () => {
    const row = { text: "a" };
    await expect(load([row], { text: "text", prompt: "p" })).rejects.toMatchObject({
      code: "usage",
    });
    await expect(load([{ text: { a: 1 } }])).rejects.toThrow(/not text/);
    await expect(load([{ messages: [{ role: 1 }] }])).rejects.toThrow(
      /not a list of \{role, content\}/,
    );
    await expect(load([row], {}, 7)).rejects.toMatchObject({ code: "usage" });
  });
});

describe("a row longer than the context", () => {
  const encode = (row: RowText, max: number) => encodeExample(tokenizer, row, max);
  const pair = (prompt: string, completion: string): RowText => ({
    format: "prompt",
    prompt,
    completion,
  });

  it("loses the end of its completion, and EOS with it", () => {
    // 1 + 3 prompt ids leave 8 - 4 = 4 of the five d's.
    const example = encode(pair("a", "ddddd"), 8);
    expect([...(example?.ids ?? [])]).toEqual([1, 3, 8, 9, 6, 6, 6, 6]);
    expect(example).toMatchObject({ promptLength: 4, truncated: true });
  });

  it("keeps a quarter of the room for the completion and drops the beginning of a long prompt", () => {
    // Room for ceil(8 / 4) = 2: prompt of 8 - 1 - 2 = 5 ids, its last.
    const example = encode(pair("cdedede", "bbb"), 8);
    expect([...(example?.ids ?? [])]).toEqual([1, 7, 6, 7, 8, 9, 4, 4]);
    expect(example).toMatchObject({ promptLength: 6, truncated: true });
  });

  it("is cut the same whether its text is a little or very much too long", () => {
    const long = encode(pair("d".repeat(100_000), "e".repeat(100_000)), 16);
    const short = encode(pair("d".repeat(60), "e".repeat(60)), 16);
    expect({ ...long, lost: null }).toEqual({ ...short, lost: null });
    // BOS, " :", both texts and EOS, and 16 of them are left.
    expect(short?.lost).toEqual({ tokens: 1 + 2 + 120 + 1 - 16, isLeast: false });
  });

  it("has the whole room for a completion without a prompt", () => {
    const [completion, most] = [" aaaaaa", 8];
    const wanted = [tokenizer.bosId, ...tokenizer.encode(completion), tokenizer.eosId];
    expect(wanted.length).toBeGreaterThan(most);
    expect([...(encode(pair("", completion), most)?.ids ?? [])]).toEqual(wanted.slice(0, most));
  });

  it("never exceeds the context, always has something to learn, and is marked exactly when something is lost", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "c", " "), maxLength: 200 });
    fc.assert(
      fc.property(
        text,
        text.filter((t) => t !== ""),
        fc.integer({ min: 8, max: 64 }),
        (prompt, completion, max) => {
          const end = bringsSpace(prompt, completion) ? "" : DEFAULT_SEPARATOR;
          const whole = [
            ...encodePrompt(tokenizer, prompt, "prompt", end),
            ...tokenizer.encode(completion),
            tokenizer.eosId,
          ];
          const example = encode(pair(prompt, completion), max);
          expect(example?.ids.length).toBe(Math.min(whole.length, max));
          expect(example?.promptLength).toBeLessThan(example?.ids.length ?? 0);
          expect(example?.truncated).toBe(whole.length > max);
          const lost = whole.length - (example?.ids.length ?? 0);
          expect(example?.lost).toEqual(lost === 0 ? undefined : { tokens: lost, isLeast: false });
          if (whole.length <= max) expect([...(example?.ids ?? [])]).toEqual(whole);
        },
      ),
    );
  });
});

describe("the held-out share", () => {
  const letters = ["a", "b", "c", "d", "e"];
  const words = letters.flatMap((x) => letters.map((y) => ({ text: `${x}${y}` })));

  it("is drawn by the seed, shares no example with training, and keeps every count", async () => {
    const rows = words.slice(0, 20).map(({ text }, i) => ({ text: text.repeat(1 + (i % 9)) }));
    const set = await load([...rows, { text: "" }], {}, 16);
    const { train, heldOut } = splitHeldOut(set, 0.25, 7);
    expect(heldOut.examples).toHaveLength(5);
    expect(train.examples).toHaveLength(15);
    const ids = [...all(train), ...all(heldOut)].map((example) => example.ids.join(" "));
    expect(ids.sort()).toEqual(
      all(set)
        .map((example) => example.ids.join(" "))
        .sort(),
    );
    for (const key of ["examples", "tokens", "truncated", "skipped"] as const) {
      expect(train.summary[key] + heldOut.summary[key]).toBe(set.summary[key]);
    }
    expect(splitHeldOut(set, 0.25, 7).heldOut).toEqual(heldOut);
    expect(idsOf(splitHeldOut(set, 0.25, 8).heldOut)).not.toEqual(idsOf(heldOut));
  });

  it("does not depend on the order of the rows, and has all copies of a text or none", async () => {
    const set = await load([...words, ...words.map(({ text }) => ({ text: ` ${text} ` }))]);
    const { train, heldOut } = splitHeldOut(set, 0.2, 3);
    expect(heldOut.examples).toHaveLength(10);
    const trained = new Set(train.hashes);
    expect([...heldOut.hashes].filter((hash) => trained.has(hash))).toEqual([]);
    const turned = splitHeldOut(await load([...words, ...words].reverse()), 0.2, 3);
    expect(turned.heldOut.hashes.toSorted()).toEqual(heldOut.hashes.toSorted());
  });

  it("leaks nothing when every text has more copies than rows are asked for", async () => {
    for (const copies of [2, 3, 5, 9]) {
      const rows = letters.flatMap((text) => Array.from({ length: copies }, () => ({ text })));
      const { train, heldOut } = splitHeldOut(await load(rows), 0.05, 1);
      expect(heldOut.hashes).toHaveLength(copies);
      const trained = new Set(train.hashes);
      expect([...heldOut.hashes].filter((hash) => trained.has(hash))).toEqual([]);
    }
  });

  it("is at least one example when a share is asked for, and never all of them", async () => {
    const two = await load([{ text: "a" }, { text: "b" }]);
    expect(splitHeldOut(two, 0.01, 1).heldOut.examples).toHaveLength(1);
    expect(splitHeldOut(two, 0.99, 1).train.examples).toHaveLength(1);
    expect(splitHeldOut(two, 0, 1).heldOut.examples).toHaveLength(0);
    const same = await load([{ text: "a" }, { text: "a" }, { text: "A " }]);
    expect(splitHeldOut(same, 0.01, 1).heldOut.examples).toHaveLength(1);
  });

  it("is bounded, however many rows there are", async () => {
    const rows = Array.from({ length: 6000 }, (_, i) => ({ text: `a${i}` }));
    const many = await load(rows);
    // a tenth of 6000 would be 600
    expect(splitHeldOut(many, 0.1, 1).heldOut.examples).toHaveLength(HELD_OUT_EXAMPLES_MAX);
    expect(splitHeldOut(many, 0.1, 1).train.examples).toHaveLength(6000 - HELD_OUT_EXAMPLES_MAX);
  });
});
