/** A process of its own: trains a small model on rows of as many tokens as its argument says, prints what that took. */

import { createLora } from "../../src/training/adapters/methods/lora.ts";
import { collate } from "../../src/training/batches/collate.ts";
import { modelOfShape, randomModel } from "../../src/training/bench/random-model.ts";
import { randomExamples } from "../../src/training/bench/workload.ts";
import { createOnnxEngine } from "../../src/training/engine/onnx-engine.ts";
import { AdaptedModel } from "../../src/training/programs/adapted-model.ts";

const ROWS = 2;
const STEPS = 3;
const length = Number(process.argv[2]);

const base = randomModel(modelOfShape([64, 8, 1, 1, 512, 1024], length));
const method = createLora(base.definition, { rank: 8, alpha: 16, targets: ["q", "v"] });
const engine = createOnnxEngine({ threads: 1 });
const model = new AdaptedModel(base, method, engine);
const { layout } = method;
const batch = collate(randomExamples(base.definition, ROWS, length), ROWS, length);
const [adapter, gradient] = [method.initial(1), new Float32Array(layout.length)];
for (let step = 0; step < STEPS; step += 1) {
  await model.lossAndGradient(adapter, [batch], layout.tensors, gradient);
}
const { activations } = model.trainingMemory(batch.shape, {
  slots: layout.tensors,
  recompute: false,
});
await model.close();
await engine.close();
process.stdout.write(JSON.stringify({ activations, peak: process.resourceUsage().maxRSS * 1024 }));
