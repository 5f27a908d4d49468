import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { seededRandom } from "../../../../src/random.ts";
import { readAdapterHead } from "../../../../src/training/adapters/peft/peft-reader.ts";
import { LearnerCore } from "../../../../src/training/learner/core.ts";
import type { LearnerOptions } from "../../../../src/training/learner/learner.ts";
import { freshOptimizer } from "../../../../src/training/loop/optimizer.ts";
import { parseModelConfig } from "../../../../src/training/models/architectures/architectures.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { classifierOptions, TOPICS, writeEncoderFolder } from "./encoder-folder.ts";

const CLASSES = Object.keys(TOPICS);
const open: LearnerCore[] = [];
let folder = "";
let merged = "";

/** Texts with a word of each of their topics, from none of them to all. */
function rows(count: number, seed: number) {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    const chosen = Object.entries(TOPICS).filter(() => random() < 0.5);
    const words = chosen.map(([, each]) => each[Math.floor(random() * each.length)]);
    return { text: ["the", ...words, "very"].join(" "), label: chosen.map(([name]) => name) };
  });
}
type LabelRow = { readonly text: string; readonly label: unknown };

const lines = (all: readonly object[]) => all.map((row) => JSON.stringify(row)).join("\n");
const marked = ({ text, label }: ReturnType<typeof rows>[number]): LabelRow => ({
  ...{ text, label: CLASSES.map((name) => Number(label.includes(name))) },
});

async function learner(more: Partial<LearnerOptions> = {}, model = folder): Promise<LearnerCore> {
  const core = await LearnerCore.open({ ...classifierOptions(model), ...more });
  open.push(core);
  return core;
}

async function trained(core: LearnerCore, steps: number) {
  const optimizer = freshOptimizer(core.info.layout.length);
  const request = { adapter: core.initialAdapter(), optimizer, round: 0, steps };
  return (await core.train(request, {})).adapter;
}

/** Options of a learner that reads these rows. */
async function reading(train: readonly LabelRow[]): Promise<Partial<LearnerOptions>> {
  const file = join(temporaryFolder(), "rows.jsonl");
  await writeFile(file, lines(train));
  return {
    data: { train: [file], columns: {}, heldOutShare: 0.2 },
    test: { files: [file], columns: {} },
  };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "klatch-many-"));
  merged = join(folder, "merged");
  await writeEncoderFolder(folder, "bert");
  await writeFile(join(folder, "train.jsonl"), lines(rows(240, 1)));
  await writeFile(join(folder, "test.jsonl"), lines(rows(90, 2)));
});
afterAll(async () => {
  for (const core of open) await core.close();
  await rm(folder, { recursive: true });
});

describe("texts with any number of classes", () => {
  test("are learned by sigmoid, merged as such, and gone on with", async () => {
    const core = await learner();
    expect(core.info.classes).toEqual(CLASSES);
    expect(core.info.data.train.notes).toContain("each example has any number of the classes");
    const before = await core.evaluate(core.initialAdapter(), "test");
    // A sigmoid that knows nothing.
    expect(Math.abs(before.loss - Math.log(2))).toBeLessThan(0.2);
    const adapter = await trained(core, 150);
    const after = await core.evaluate(adapter, "test");
    expect(after.exactMatch).toBeGreaterThan(0.9);
    expect(after.macroF1).toBeGreaterThan(0.9);
    await core.exportMerged(adapter, merged, null);
    const config = JSON.parse(await readFile(join(merged, "config.json"), "utf8"));
    expect(config).toMatchObject({ problem_type: "multi_label_classification", num_labels: 3 });
    for (const name of ["train.jsonl", "test.jsonl"])
      await cp(join(folder, name), join(merged, name));
    const again = await learner({}, merged);
    const start = await again.evaluate(again.initialAdapter(), "test");
    expect(start.loss).toBeCloseTo(after.loss, 4);
  });

  test("have the mean binary cross-entropy of their classes", async () => {
    const core = await learner(
      await reading([
        { text: "the rain", label: ["weather"] },
        { text: "soup song", label: ["food", "music"] },
        { text: "very", label: [] },
      ]),
    );
    const values = core.initialAdapter();
    // With the last layer's weights at zero the logits are its biases.
    const slot = (name: string) =>
      core.info.layout.tensors.find((each) => each.name.endsWith(name));
    const [weight, bias] = [slot("classifier.weight"), slot("classifier.bias")];
    if (weight === undefined || bias === undefined) throw new Error("no head");
    values.fill(0, weight.offset, weight.offset + weight.shape.reduce((a, b) => a * b, 1));
    const logits = [1, -2, 0.5];
    values.set(logits, bias.offset);
    const cost = (marks: readonly number[]) =>
      marks.reduce(
        (sum, mark, i) => sum + Math.log1p(Math.exp((mark === 1 ? -1 : 1) * (logits[i] ?? 0))),
        0,
      ) / 3;
    const mean = (cost([0, 0, 1]) + cost([1, 1, 0]) + cost([0, 0, 0])) / 3;
    expect((await core.evaluate(values, "test")).loss).toBeCloseTo(mean, 5);
    // Each class is likely by itself.
    const [shares = []] = await core.classify(values, ["the rain"]);
    const sigmoids = logits.map((logit) => 1 / (1 + Math.exp(-logit)));
    for (const [i, share] of shares.entries()) expect(share).toBeCloseTo(sigmoids[i] ?? 0, 6);
  });

  test("may be marked class by class, where the classes are known, and written as JSON in a cell", async () => {
    const plain = await learner(await reading(rows(40, 3)));
    const expected = await plain.evaluate(plain.initialAdapter(), "test");
    for (const write of [
      marked,
      (row: ReturnType<typeof rows>[number]) => ({ ...row, label: JSON.stringify(row.label) }),
    ]) {
      const core = await learner({ ...(await reading(rows(40, 3).map(write))), classes: CLASSES });
      expect(core.info.layout.digest).toBe(plain.info.layout.digest);
      expect(await core.evaluate(core.initialAdapter(), "test")).toEqual(expected);
    }
    // Numbers with a point, as tables of floats write them.
    const floats = join(temporaryFolder(), "floats.jsonl");
    const points = lines(rows(40, 3).map(marked)).replace(/(?<=[[,])[01](?=[\],])/g, "$&.0");
    await writeFile(floats, points);
    const { test: tested, data } = await reading(rows(40, 3));
    const files = { train: [floats], columns: {}, heldOutShare: data?.heldOutShare ?? 0 };
    const pointed = { data: files, test: { ...tested, files: [floats], columns: {} } };
    const core = await learner({ ...pointed, classes: CLASSES });
    expect(points).toContain("1.0");
    expect(await core.evaluate(core.initialAdapter(), "test")).toEqual(expected);
    await expect(learner(await reading(rows(40, 3).map(marked)))).rejects.toThrow(
      /rows\.jsonl:1: its label is a list of 3 marks, and no classes are listed$/,
    );
    const two = { classes: ["food", "music"] };
    await expect(learner({ ...(await reading(rows(40, 3).map(marked))), ...two })).rejects.toThrow(
      /a list of 3 marks, for 2 classes$/,
    );
  });

  test("are another task than one class each", async () => {
    const one = rows(40, 4).flatMap(({ text, label: [label] }) => (label ? [{ text, label }] : []));
    const [single, many] = [await learner(await reading(one)), await learner()];
    expect(single.info.layout.digest).not.toBe(many.info.layout.digest);
    expect(single.info.data.train.notes).toHaveLength(1);
    const out = join(folder, "adapter");
    await many.exportAdapter(many.initialAdapter(), out);
    expect(await readAdapterHead(out)).toEqual({ classes: CLASSES, labels: "many" });
    expect(await many.importAdapter(out)).toEqual(many.initialAdapter());
    await expect(single.importAdapter(out)).rejects.toThrow(
      "it gives many of the classes to a text, expected one",
    );
    await expect(learner({ ...(await reading(rows(40, 3))), labels: "one" })).rejects.toThrow(
      /its label is a list, and here a text or an image has one class$/,
    );
  });

  test("are told by the model, whose rows may have one class too", async () => {
    const one = rows(40, 4).flatMap(({ text, label: [label] }) => (label ? [{ text, label }] : []));
    const core = await learner(await reading(one), merged);
    expect(core.info.data.train.notes).toContain("each example has any number of the classes");
  });

  test.each([
    ["label", { a: 1 }],
    ["a list of lists", [["a"]]],
    ["an empty name", ["a", ""]],
  ])("are refused when they are %s", async (_, label) => {
    await expect(learner(await reading([{ text: "the", label }]))).rejects.toThrow(
      /rows\.jsonl:1: column label holds a list/,
    );
  });
});

describe("the problem that config.json names", () => {
  const classifier = (problem_type: string | null) =>
    parseModelConfig(
      JSON.stringify({
        ...{ architectures: ["BertForSequenceClassification"], vocab_size: 64, hidden_size: 32 },
        ...{ num_hidden_layers: 1, num_attention_heads: 4, intermediate_size: 48, problem_type },
      }),
      "config.json",
    );

  test("is one class or any number of them, and no regression", () => {
    expect(classifier(null).labels).toBeUndefined();
    expect(classifier("single_label_classification").labels).toBe("one");
    expect(classifier("multi_label_classification").labels).toBe("many");
    expect(() => classifier("regression")).toThrow(
      "config.json: problem_type is regression, and Klatch tells classes apart",
    );
  });

  test("is put right in a merged folder whose base was made for another", async () => {
    const own = temporaryFolder();
    await cp(folder, own, { recursive: true, filter: (path) => !path.includes("merged") });
    const file = join(own, "config.json");
    const config = z.looseObject({}).parse(JSON.parse(await readFile(file, "utf8")));
    const architectures = ["BertForMaskedLM"];
    const left = { architectures, problem_type: "multi_label_classification" };
    await writeFile(file, JSON.stringify({ ...config, ...left }));
    const one = rows(40, 4).flatMap(({ text, label: [label] }) => (label ? [{ text, label }] : []));
    const core = await learner(await reading(one), own);
    const out = join(own, "merged");
    await core.exportMerged(core.initialAdapter(), out, null);
    expect(JSON.parse(await readFile(join(out, "config.json"), "utf8"))).toMatchObject({
      problem_type: "single_label_classification",
    });
  });
});
