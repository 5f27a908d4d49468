import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../../src/random.ts";
import { LearnerCore } from "../../../../src/training/learner/core.ts";
import type { LearnerOptions } from "../../../../src/training/learner/learner.ts";
import { freshOptimizer } from "../../../../src/training/loop/optimizer.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { CLASSIFIERS, goldenBase } from "../models/golden-classifiers.ts";
import { writeModelFolder } from "./classifier-folder.ts";
import { classifierOptions } from "./encoder-folder.ts";

const SIZE = 12;

/** A bright bar on noise: it lies in images of one class and stands in those of the other. */
function bar(isLying: boolean, random: () => number): Promise<Buffer> {
  const at = 1 + Math.floor(random() * (SIZE - 4));
  const pixels = Uint8Array.from({ length: SIZE * SIZE }, (_, i) => {
    const place = isLying ? Math.floor(i / SIZE) : i % SIZE;
    return (place >= at && place < at + 3 ? 180 : 0) + random() * 60;
  });
  return sharp(pixels, { raw: { width: SIZE, height: SIZE, channels: 1 } })
    .png()
    .toBuffer();
}

/** A tiny random ViT, and images to train and test on. */
async function imageFolder(): Promise<string> {
  const folder = temporaryFolder();
  const config = CLASSIFIERS.find(([name]) => name === "vit")?.[1].config ?? {};
  await writeModelFolder(folder, goldenBase(config), config);
  const random = seededRandom(4);
  for (const [set, count] of [
    ["train", 80],
    ["test", 30],
  ] as const) {
    for (const label of ["lying", "standing"]) {
      const into = join(folder, set, label);
      await mkdir(into, { recursive: true });
      for (let i = 0; i < count; i += 1) {
        await writeFile(join(into, `${i}.png`), await bar(label === "lying", random));
      }
    }
  }
  return folder;
}

function options(folder: string, more: Partial<LearnerOptions> = {}): LearnerOptions {
  return {
    ...classifierOptions(folder),
    data: { train: [join(folder, "train")], columns: {}, heldOutShare: 0.1 },
    test: { files: [join(folder, "test")], columns: {} },
    ...more,
  };
}

describe("a learner of images", () => {
  test("learns what tells their classes apart, and keeps it in a PEFT folder", async () => {
    const folder = await imageFolder();
    const core = await LearnerCore.open(options(folder));
    const { classes, data } = core.info;
    expect([classes, data.train.examples, data.heldOut.examples]).toEqual([
      ["lying", "standing"],
      144,
      16,
    ]);
    const adapter = core.initialAdapter();
    const before = await core.evaluate(adapter, "test");
    const optimizer = freshOptimizer(core.info.layout.length);
    const made = await core.train({ adapter, optimizer, round: 0, steps: 40 }, {});
    const after = await core.evaluate(made.adapter, "test");
    // Control: it is the training that tells them apart.
    expect(before.exactMatch).toBeLessThan(0.75);
    expect(after.exactMatch).toBeGreaterThan(0.9);
    expect(core.planMemory()).toMatchObject({ rows: 16, length: 10 });

    const out = join(folder, "adapter");
    await core.exportAdapter(made.adapter, out);
    expect(await core.importAdapter(out)).toEqual(made.adapter);
    const request = { prompt: "a", maxTokens: 1, temperature: 0, seed: 1 };
    await expect(core.generate(adapter, request)).rejects.toThrow("writes none");
    await core.close();
  });

  test("does nothing else, and puts no tokens before images", async () => {
    const folder = await imageFolder();
    await expect(LearnerCore.open(options(folder, { task: "causal" }))).rejects.toThrow(
      "the model reads images, and writes no text",
    );
    const adapter = { kind: "prompt", virtualTokens: 2, seed: 1 } as const;
    await expect(LearnerCore.open(options(folder, { adapter }))).rejects.toThrow(
      "ViTForImageClassification reads images, before which no tokens can stand",
    );
  });
});
