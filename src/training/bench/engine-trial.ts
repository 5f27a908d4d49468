import type { EngineName } from "../../types.ts";
import { openEngine } from "../engine/open-engine.ts";
import { checkTrialStep } from "../engine/trial-step.ts";

/** How long an engine took for the trial step, its programs compiled for it included. */
export interface EngineTrial {
  readonly seconds: number;
}

/**
 * Runs the trial step on an engine, in this process.
 *
 * @throws KlatchError `engine` where it cannot be had or computes wrongly
 */
export async function tryEngine(name: EngineName): Promise<EngineTrial> {
  const { engine } = await openEngine(name, { threads: 1 });
  try {
    const before = performance.now();
    await checkTrialStep(engine);
    return { seconds: (performance.now() - before) / 1000 };
  } finally {
    await engine.close();
  }
}
