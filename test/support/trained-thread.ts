/**
 * Trains as a node does, with a learner in a thread of its own, or with one in the main thread; says whether the main
 * thread keeps the smallest numbers before and after, and whether an adapter made of them comes back from its files.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLearner } from "../../src/training/index.ts";
import { LearnerCore } from "../../src/training/learner/core.ts";
import type { LearnerOptions } from "../../src/training/learner/learner.ts";
import { freshOptimizer } from "../../src/training/loop/optimizer.ts";
import { tinyOptions, writeTinyFolder } from "../unit/training/learner/model-folder.ts";
import { keepsSmallestNumbers } from "./smallest-number.ts";

const [where] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "klatch-trained-thread-"));
await writeTinyFolder(folder);
const before = keepsSmallestNumbers();
const isSame = await (where === "main" ? trainHere : trainInThread)(tinyOptions(folder));
process.stdout.write(`${JSON.stringify({ before, after: keepsSmallestNumbers(), isSame })}\n`);
rmSync(folder, { recursive: true });

async function trainInThread(options: LearnerOptions): Promise<boolean> {
  const learner = await createLearner(options);
  const adapter = await learner.initialAdapter();
  const optimizer = learner.initialOptimizer();
  const training = learner.watchTraining({ adapter, optimizer, round: 0, steps: 1 });
  await learner.evaluate((await training.result).adapter, "held-out");
  const isSame = await comesBack(learner, adapter.length);
  await learner.close();
  return isSame;
}

async function trainHere(options: LearnerOptions): Promise<boolean> {
  const learner = await LearnerCore.open(options);
  const adapter = learner.initialAdapter();
  const request = { adapter, optimizer: freshOptimizer(adapter.length), round: 0, steps: 1 };
  await learner.train(request, { isStopped: () => false, onStep: () => undefined });
  const isSame = await comesBack(learner, adapter.length);
  await learner.close();
  return isSame;
}

type Files = Pick<LearnerCore, "exportAdapter" | "importAdapter">;

/** Whether every subnormal number of an adapter is the same, bit for bit, after it was written and read. */
async function comesBack(learner: Files, length: number): Promise<boolean> {
  const bits = Uint32Array.from({ length }, (_, i) => 1 + (i % 0x7f_ffff));
  const out = join(folder, "adapter");
  await learner.exportAdapter(new Float32Array(bits.buffer.slice(0)), out);
  const back = await learner.importAdapter(out);
  return Buffer.compare(Buffer.from(back.buffer), Buffer.from(bits.buffer)) === 0;
}
