import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadBaseModel } from "../../../../src/training/base/base-model.ts";
import { LearnerCore } from "../../../../src/training/learner/core.ts";
import type { LearnerNotice, LearnerOptions } from "../../../../src/training/learner/learner.ts";
import { freshOptimizer } from "../../../../src/training/loop/optimizer.ts";
import { storedClasses } from "../../../../src/training/models/stored-classes.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { classifierOptions, topicRows, writeEncoderFolder } from "../learner/encoder-folder.ts";

const CLASSES = ["food", "music", "weather"];
const open: LearnerCore[] = [];
/** A merged classifier, and how good it was before it was merged. */
let folder = "";
let merged = "";
let loss = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "klatch-head-"));
  merged = join(folder, "merged");
  await writeEncoderFolder(folder, "bert");
  const { core } = await learner({}, folder);
  const optimizer = freshOptimizer(core.info.layout.length);
  const request = { adapter: core.initialAdapter(), optimizer, round: 0, steps: 60 };
  const { adapter } = await core.train(request, {});
  ({ loss } = await core.evaluate(adapter, "test"));
  await core.exportMerged(adapter, merged, null);
  for (const name of ["train.jsonl", "test.jsonl"])
    await cp(join(folder, name), join(merged, name));
});
afterAll(async () => {
  for (const core of open) await core.close();
  await rm(folder, { recursive: true });
});

async function learner(more: Partial<LearnerOptions> = {}, model = merged) {
  const notices: LearnerNotice[] = [];
  const options = { ...classifierOptions(model), ...more };
  const core = await LearnerCore.open(options, null, (notice) => notices.push(notice));
  open.push(core);
  const changes = notices.filter(({ kind }) => kind === "change");
  return { core, changes };
}

const startLoss = async (core: LearnerCore) =>
  (await core.evaluate(core.initialAdapter(), "test")).loss;

/** A copy of the merged classifier with one thing changed. */
async function changed(change: (folder: string) => Promise<void>): Promise<string> {
  const folder = temporaryFolder();
  await cp(merged, folder, { recursive: true });
  await change(folder);
  return folder;
}

const withConfig = (fields: object) =>
  changed(async (folder) => {
    const file = join(folder, "config.json");
    const config = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify({ ...config, ...fields }));
  });

describe("a classifier's own head", () => {
  test("is where its training goes on", async () => {
    const { core, changes } = await learner();
    expect(core.info.classes).toEqual(CLASSES);
    expect(await startLoss(core)).toBeCloseTo(loss, 4);
    expect(loss).toBeLessThan(0.8 * Math.log(3));
    expect(changes).toEqual([]);
  });

  test("is told by its names, in whatever order a run lists them", async () => {
    const { core } = await learner({ classes: CLASSES.toReversed() });
    expect(await startLoss(core)).toBeCloseTo(loss, 4);
    const renamed = await withConfig({ id2label: { 0: "music", 1: "food", 2: "weather" } });
    const other = await learner({}, renamed);
    expect(other.core.info.classes).toEqual(["music", "food", "weather"]);
    expect(await startLoss(other.core)).toBeGreaterThan(loss + 0.2);
  });

  test("keeps the classes that a peer's data lacks, and those of a learner without data", async () => {
    const folder = await changed(async (to) => {
      const rows = topicRows(60, 3).filter(({ label }) => label !== "music");
      await writeFile(join(to, "train.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
    });
    const { core, changes } = await learner({}, folder);
    expect([core.info.classes, changes]).toEqual([CLASSES, []]);
    expect(await startLoss(core)).toBeCloseTo(loss, 4);
    const { data: _, test: __, ...none } = classifierOptions(merged);
    const bare = await LearnerCore.open(none);
    open.push(bare);
    expect(bare.info.classes).toEqual(CLASSES);
    expect(bare.initialAdapter()).toEqual(core.initialAdapter());
  });

  test("starts anew for other classes, and which differ is said", async () => {
    const { core, changes } = await learner({ classes: [...CLASSES, "sport"] });
    expect(await startLoss(core)).toBeGreaterThan(loss + 0.2);
    expect(changes).toEqual([
      {
        kind: "change",
        message:
          "the classification head starts anew: the classes are not those of the model's own",
        facts: { "only in the run": "sport" },
      },
    ]);
    const renamed = await withConfig({ id2label: { 0: "a", 1: "food", 2: "weather" } });
    const other = await learner({}, renamed);
    expect(other.core.info.classes).toEqual(CLASSES);
    expect(other.changes[0]?.facts).toEqual({
      "only in the model": "a",
      "only in the run": "music",
    });
  });

  test("is a part of what the model is, and so are its classes", async () => {
    const { digest, head } = await loadBaseModel(merged);
    expect(head?.classes).toEqual(CLASSES);
    const renamed = await loadBaseModel(await withConfig({ id2label: { 0: "a", 1: "b", 2: "c" } }));
    expect(renamed.digest).not.toBe(digest);
    const headless = await loadBaseModel(await withConfig({ architectures: ["BertForMaskedLM"] }));
    expect(headless.head).toBeUndefined();
  });

  test("that is of another size than config.json says is refused", async () => {
    const folder = await withConfig({ id2label: { 0: "a", 1: "b" } });
    await expect(loadBaseModel(folder)).rejects.toThrow(/classifier.weight has the shape \[3,/);
  });
});

describe("the classes of config.json", () => {
  const of = (config: object) =>
    storedClasses({ architectures: ["BertForSequenceClassification"], ...config }, "config.json");

  test("are told by number where they have no names", () => {
    expect(of({})).toEqual(["0", "1"]);
    expect(of({ id2label: { 0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2" } })).toEqual(["0", "1", "2"]);
    expect(of({ id2label: { 1: "b", 0: "a" } })).toEqual(["a", "b"]);
  });

  test("are none where they tell nothing apart, nor for other models", () => {
    expect(of({ num_labels: 1 })).toBeUndefined();
    expect(of({ id2label: { 0: "a", 1: "a" } })).toBeUndefined();
    expect(of({ id2label: { 0: "a", 2: "b" } })).toBeUndefined();
    expect(of({ architectures: ["BertModel"], id2label: { 0: "a", 1: "b" } })).toBeUndefined();
  });
});
