import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readAdapterClasses } from "../../../../src/training/adapters/peft/peft-reader.ts";
import { LearnerCore } from "../../../../src/training/learner/core.ts";
import type { LearnerOptions } from "../../../../src/training/learner/learner.ts";
import { freshOptimizer } from "../../../../src/training/loop/optimizer.ts";
import { classifierOptions, TOPICS, writeEncoderFolder } from "./encoder-folder.ts";

const CLASSES = Object.keys(TOPICS);
const STEPS = 200;
let folder = "";
const open: LearnerCore[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "klatch-classifier-"));
  await writeEncoderFolder(folder);
});
afterAll(async () => {
  for (const core of open) await core.close();
  await rm(folder, { recursive: true });
});

async function learner(more: Partial<LearnerOptions> = {}): Promise<LearnerCore> {
  const core = await LearnerCore.open({ ...classifierOptions(folder), ...more });
  open.push(core);
  return core;
}

function trained(core: LearnerCore, adapter = core.initialAdapter(), steps = STEPS) {
  const optimizer = freshOptimizer(core.info.layout.length);
  return core.train({ adapter, optimizer, round: 0, steps }, {});
}

describe("a learner that classifies", () => {
  test("gets nearly every text right that its classes' words tell apart", async () => {
    const core = await learner();
    const before = await core.evaluate(core.initialAdapter(), "test");
    expect(before.exactMatch).toBeLessThan(0.6);
    expect(Math.abs(before.loss - Math.log(3))).toBeLessThan(0.3);
    const { adapter, tokens } = await trained(core);
    const after = await core.evaluate(adapter, "test");
    expect(after.exactMatch).toBeGreaterThan(0.9);
    expect(after.macroF1).toBeGreaterThan(0.9);
    expect(after.loss).toBeLessThan(before.loss / 2);
    expect([after.tokens, after.examples, tokens]).toEqual([90, 90, STEPS * 16]);
  });

  test("and none from texts without their labels' words (control)", async () => {
    const file = join(folder, "noise.jsonl");
    const rows = Array.from({ length: 90 }, (_, i) => ({
      text: ["the old", "a very new", "two and some"][Math.floor(i / 3) % 3],
      label: CLASSES[i % 3],
    }));
    await writeFile(file, rows.map((row) => JSON.stringify(row)).join("\n"));
    const core = await learner({ test: { files: [file], columns: {} } });
    const { adapter } = await trained(core);
    expect((await core.evaluate(adapter, "test")).exactMatch).toBeLessThan(0.5);
  });

  test("gives the same bytes for the same request", async () => {
    const [first, second] = [await learner(), await learner()];
    const results = [
      await trained(first, first.initialAdapter(), 5),
      await trained(second, second.initialAdapter(), 5),
    ];
    expect(results[0]?.adapter).toEqual(results[1]?.adapter);
  });

  test("judges a trained candidate better than its opposite", async () => {
    const core = await learner();
    const start = core.initialAdapter();
    const { adapter } = await trained(core);
    const opposite = start.map((x, i) => 2 * x - (adapter[i] ?? 0));
    const { base, stepped } = await core.probe(start, [adapter, opposite], {
      round: 1,
      rows: 32,
      step: 0.5,
    });
    expect(stepped[0]).toBeLessThan(base);
    expect(stepped[1]).toBeGreaterThan(base);
  });

  test("trains the head in every round, whichever factor alternates", async () => {
    const core = await learner({ factors: "alternate" });
    // A's gradient is zero as long as B is.
    const { adapter: start } = await trained(core, core.initialAdapter(), 3);
    for (const round of [0, 1]) {
      const optimizer = freshOptimizer(core.info.layout.length);
      const { adapter } = await core.train({ adapter: start, optimizer, round, steps: 1 }, {});
      const changed = core.info.layout.tensors.filter(
        ({ offset }) => adapter[offset] !== start[offset],
      );
      const names = changed.map(({ name }) => name);
      expect(names).toContain("base_model.model.classifier.weight");
      expect(names.some((name) => name.includes("lora_A"))).toBe(round === 1);
    }
  });

  test("is not merged where transformers has no class for it", async () => {
    const core = await learner();
    const merged = core.exportMerged(core.initialAdapter(), join(folder, "merged"), null);
    await expect(merged).rejects.toThrow("no class for a BertModel");
  });

  test("writes no text", async () => {
    const core = await learner();
    const request = { prompt: "rain", maxTokens: 3, temperature: 0, seed: 1 };
    await expect(core.generate(core.initialAdapter(), request)).rejects.toThrow("writes none");
  });

  test("cannot be made of an encoder for another task", async () => {
    await expect(learner({ task: "causal" })).rejects.toThrow(
      "BertModel reads texts and writes none",
    );
  });
});

describe("classes", () => {
  test("are those of the data, sorted, and counted for a person", async () => {
    const core = await learner();
    expect(core.info.classes).toEqual(CLASSES);
    expect(core.info.data.train.notes.join()).toMatch(/^3 classes: food 80/);
  });

  test("decide, with their order, which heads are alike", async () => {
    const digestOf = async (classes: readonly string[]) =>
      (await learner({ classes })).info.layout.digest;
    const same = await digestOf(CLASSES);
    expect(await digestOf(CLASSES)).toBe(same);
    expect(await digestOf(CLASSES.toReversed())).not.toBe(same);
    expect(await digestOf([...CLASSES, "sport"])).not.toBe(same);
  });

  test("that are not listed are refused by file and line", async () => {
    await expect(learner({ classes: ["food", "music"] })).rejects.toThrow(
      /train\.jsonl:3: its label is none of the/,
    );
  });

  test("are listed for a classification only", async () => {
    const options = { task: "causal", classes: CLASSES } as const;
    await expect(learner(options)).rejects.toThrow("classes are listed for the task causal");
    const { data } = classifierOptions(folder);
    const packed = data ? { data: { ...data, packing: "concatenate" as const } } : {};
    await expect(learner(packed)).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining('packing "concatenate"'),
    });
  });

  for (const kind of ["lora", "lora-xs", "dora"] as const) {
    test(`and a head lie behind an adapter of the kind ${kind}, in its files too`, async () => {
      const out = join(folder, kind);
      const adapter = { kind, rank: 2, alpha: 4, targets: ["q", "v"], seed: 3 };
      const core = await learner({ adapter });
      const made = await trained(core, core.initialAdapter(), 3);
      await core.exportAdapter(made.adapter, out);
      const read = await core.importAdapter(out);
      for (const [i, value] of made.adapter.entries()) expect(read[i]).toBeCloseTo(value, 4);
    });
  }

  test("travel with the adapter in a PEFT folder", async () => {
    const out = join(folder, "adapter");
    const core = await learner();
    const { adapter } = await trained(core, core.initialAdapter(), 3);
    await core.exportAdapter(adapter, out);
    expect(await readAdapterClasses(out)).toEqual(CLASSES);
    expect(await core.importAdapter(out)).toEqual(adapter);
    const { data: _, ...onlyTest } = classifierOptions(folder);
    const other = await LearnerCore.open({ ...onlyTest, classes: CLASSES.toReversed() });
    open.push(other);
    await expect(other.importAdapter(out)).rejects.toThrow(
      "tells food, music, weather apart, expected weather, music, food",
    );
  });
});
