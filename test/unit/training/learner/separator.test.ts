import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { encodePrompt } from "../../../../src/training/data/examples/encode.ts";
import { joined } from "../../../../src/training/data/examples/separator.ts";
import { LearnerCore } from "../../../../src/training/learner/core.ts";
import type { LearnerOptions } from "../../../../src/training/learner/learner.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { idsOf, loadFiles, tinyTokenizer } from "../data/data-files.ts";
import { characters, readAll } from "../data/rows/read-rows.ts";
import { TINY_TOKENIZER } from "../files/tiny-model.ts";
import { tinyOptions, writeTinyFolder } from "./model-folder.ts";

const plain = await characters(null);
const END = "<|im_end|>";
const OWN = [
  { prompt: "The sky is", completion: " blue." },
  { prompt: "Q: capital of France?\nA:", completion: " Paris" },
  { prompt: "translate: chien ->\n", completion: "dog" },
];
const NONE = { prompt: "hello", completion: "world" };
const texts = async (rows: readonly unknown[]) =>
  (await readAll(rows, { chat: plain })).examples.map(({ text }) => text);

describe("between a prompt and its completion", () => {
  it("stands nothing where either has white space, as in files made for trl", async () => {
    expect(await texts(OWN)).toEqual([
      `<s>The sky is blue.${END}`,
      `<s>Q: capital of France?\nA: Paris${END}`,
      `<s>translate: chien ->\ndog${END}`,
    ]);
  });

  it("stands the separator where neither has", async () => {
    expect(await texts([...OWN, NONE])).toContain(`<s>hello :world${END}`);
    expect(joined("hello", "world", "\n\n")).toMatchObject({ prompt: "hello\n\n" });
    expect(joined("hello", "world", "")).toMatchObject({ prompt: "hello", goesOn: true });
  });

  it("a tokenizer that puts a space before every text puts none", async () => {
    // Like Llama 2's: the text begins with a space of the tokenizer's own, and spaces are letters.
    const normalizer = {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: " " },
        { type: "Replace", pattern: { String: "\u00a0" }, content: " " },
      ],
    };
    const tokenizer = await tinyTokenizer({ tokenizer: { ...TINY_TOKENIZER, normalizer } });
    const row = JSON.stringify({ prompt: "ab", completion: " d" });
    const set = await loadFiles({ "a.jsonl": row }, tokenizer);
    // Control: by itself the completion begins with two spaces (8).
    expect(tokenizer.encode(" d")).toEqual([8, 8, 6]);
    expect(idsOf(set)).toEqual([[1, ...tokenizer.encode("ab d"), 2]]);
    expect(idsOf(set)).toEqual([[1, 8, 10, 8, 6, 2]]);
  });
});

async function learnerOn(
  folder: string,
  rows: readonly unknown[] | null,
  more: Partial<LearnerOptions> = {},
) {
  const file = join(folder, "rows.jsonl");
  const { data: _, test: __, ...options } = tinyOptions(folder);
  if (rows === null) return await LearnerCore.open({ ...options, ...more });
  await writeFile(file, rows.map((row) => JSON.stringify(row)).join("\n"));
  const data = { train: [file], columns: {}, heldOutShare: 0 };
  return await LearnerCore.open({
    ...options,
    data,
    test: { files: [file], columns: {} },
    ...more,
  });
}

/** What a learner on rows says of them and writes into its adapter's folder. */
async function trained(rows: readonly unknown[], more: Partial<LearnerOptions> = {}) {
  const folder = temporaryFolder();
  await writeTinyFolder(folder);
  const learner = await learnerOn(folder, rows, more);
  const out = join(folder, "adapter");
  await learner.exportAdapter(learner.initialAdapter(), out);
  const { data } = learner.info;
  await learner.close();
  const own = JSON.parse(await readFile(join(out, "klatch.json"), "utf8"));
  return { folder, out, own, notes: [...data.train.notes, ...data.test.notes] };
}

describe("the separator of a run", () => {
  it("is said once, and written into the adapter's folder", async () => {
    const mixed = await trained([...OWN, NONE]);
    expect(mixed.notes).toEqual([
      '3 of 4 prompts have white space of their own before the completion: nothing is put between; the others end with " :" (run.separator)',
    ]);
    expect(mixed.own).toMatchObject({ examples: "prompt", separator: " :", promptEnd: "" });
    const own = await trained(OWN);
    expect(own.notes).toEqual([
      "prompts and completions bring white space of their own before the completion: nothing is put between",
    ]);
    expect(own.own).toMatchObject({ separator: " :", promptEnd: "" });
    const none = await trained([NONE], { separator: " => " });
    expect(none.notes).toEqual(['prompts end with the separator " => " (run.separator)']);
    expect(none.own).toMatchObject({ separator: " => ", promptEnd: " => " });
    const text = await trained([{ text: "a" }]);
    expect(text.notes).toEqual([]);
    expect(text.own).not.toHaveProperty("separator");
  });

  it("is what a prompt is ended with by whoever uses the adapter", async () => {
    const request = { maxTokens: 4, temperature: 0, seed: 1 };
    for (const [rows, separator, ends] of [
      [OWN, " :", ""],
      [[NONE], " => ", " => "],
    ] as const) {
      const { folder, out } = await trained(rows, { separator });
      const user = await learnerOn(folder, null);
      const adapter = await user.importAdapter(out);
      const bare = await user.generate(user.initialAdapter(), { prompt: "hello", ...request });
      const again = join(folder, "again");
      await user.exportAdapter(adapter, again);
      const kept = await readFile(join(again, "klatch.json"), "utf8");
      await user.close();
      expect(JSON.parse(kept)).toMatchObject({ separator, promptEnd: ends });
      // A text that is continued as it is shows what the prompt was.
      const text = await learnerOn(folder, [{ text: "a" }]);
      const whole = { prompt: `hello${ends}`, ...request };
      expect(await text.generate(text.initialAdapter(), whole)).toBe(bare);
      await text.close();
    }
  });

  it("is kept by a model that the adapter is merged into", async () => {
    const request = { prompt: "hello", maxTokens: 4, temperature: 0, seed: 1 };
    const { folder, out } = await trained([NONE], { separator: " => " });
    const merged = join(folder, "merged");
    const user = await learnerOn(folder, null);
    const adapter = await user.importAdapter(out);
    const expected = await user.generate(adapter, request);
    await user.exportMerged(adapter, merged, null);
    await user.close();
    const rows = join(folder, "rows.jsonl");
    const model = await learnerOn(folder, null, {
      model: merged,
      test: { files: [rows], columns: {} },
    });
    expect(model.info.data.test.notes[0]).toContain('" => "');
    expect(await model.generate(model.initialAdapter(), request)).toBe(expected);
    await model.close();
    // Control: without what it says, a prompt is a text.
    await rm(join(merged, "klatch.json"));
    const bare = await learnerOn(folder, null, { model: merged });
    const text = { ...request, prompt: "hello => " };
    expect(await bare.generate(bare.initialAdapter(), text)).toBe(expected);
    await bare.close();
  });

  it("ends a prompt that has white space of its own with nothing", () => {
    const ids = (prompt: string) => encodePrompt(plain, prompt, "prompt", " :");
    expect(plain.decode(ids("hello"))).toBe("hello :");
    expect(plain.decode(ids("hello\n"))).toBe("hello\n");
  });
});
