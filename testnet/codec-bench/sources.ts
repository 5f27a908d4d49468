import { join } from "node:path";
import { configSchema } from "../../src/node/config/config.ts";
import { hubOptions } from "../../src/node/config/hub-options.ts";
import { learnerOptions } from "../../src/node/config/learner-options.ts";
import { bundledModel } from "../../src/node/folders/package-folder.ts";
import { createLearner } from "../../src/training/index.ts";
import { createRandom, normal } from "../random.ts";
import { writeDemoData } from "../texts/demo-data.ts";
import { makeTestnetScratch } from "../working-folder.ts";

/** Degrees of freedom: as many as give a variance to tails as heavy as those of gradients. */
const DEGREES = 3;
const STEPS = 20;
const ROWS = 200;

/** Independent draws from the standard normal distribution. */
export function gaussian(count: number, seed: number): Float32Array {
  const random = createRandom(seed, "gaussian");
  return Float32Array.from({ length: count }, () => normal(random));
}

/** Independent draws from Student's t with three degrees of freedom. */
export function studentT(count: number, seed: number): Float32Array {
  const random = createRandom(seed, "student-t");
  const square = () => normal(random) ** 2;
  return Float32Array.from({ length: count }, () => {
    const squares = Array.from({ length: DEGREES }, square).reduce((sum, each) => sum + each, 0);
    return normal(random) / Math.sqrt(squares / DEGREES);
  });
}

/**
 * What a round teaches a peer: the change of a LoRA adapter of rank 8 on all layers of the bundled model in the second
 * of two rounds of twenty steps, on the demonstration's messages of one organisation.
 */
export async function trainedUpdate(seed: number): Promise<Float32Array> {
  const scratch = await makeTestnetScratch();
  try {
    const folder = join(scratch.path, "data");
    const data = await writeDemoData(folder, { seed, rowsPerOrganisation: ROWS, testRows: 4 });
    const config = configSchema.parse({
      model: bundledModel(),
      run: { seed, rounds: 10, steps: STEPS },
      data: { train: data.train.slice(0, 1) },
      engine: { threads: 1 },
      cache: scratch.path,
    });
    const learner = await createLearner(learnerOptions(config), hubOptions(config.cache));
    try {
      const adapter = await learner.initialAdapter();
      const optimizer = learner.initialOptimizer();
      const first = await learner.train({ adapter, optimizer, round: 0, steps: STEPS });
      const second = await learner.train({ ...first, round: 1, steps: STEPS });
      return second.adapter.map((value, index) => value - (first.adapter[index] as number));
    } finally {
      await learner.close();
    }
  } finally {
    scratch.remove();
  }
}
