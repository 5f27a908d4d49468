import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createLearner } from "../../../../src/training/index.ts";
import { tinyOptions, writeTinyFolder } from "./model-folder.ts";

test("a learner is held near the round's start by a proximal term, also where it goes on in the middle", async () => {
  const folder = await mkdtemp(join(tmpdir(), "klatch-proximal-"));
  await writeTinyFolder(folder);
  const options = tinyOptions(folder);
  const free = await createLearner(options);
  const held = await createLearner({
    ...options,
    optimizer: { ...options.optimizer, proximal: 20 },
  });
  try {
    const start = await free.initialAdapter();
    const request = { adapter: start, optimizer: free.initialOptimizer(), round: 0, steps: 6 };
    const away = (state: Float32Array) => Math.hypot(...state.map((x, i) => x - (start[i] ?? 0)));
    const whole = await held.train(request);
    expect(away(whole.adapter)).toBeLessThan(0.9 * away((await free.train(request)).adapter));
    const { adapter, optimizer, watch } = await held.train({ ...request, steps: 3 });
    const later = { adapter, optimizer, round: 0, steps: 3 };
    const rest = await held.train({ ...later, begun: { steps: 3, watch, start } });
    expect(rest.adapter).toEqual(whole.adapter);
    // control: not told where the round began, it is held where it goes on
    expect((await held.train(later)).adapter).not.toEqual(whole.adapter);
  } finally {
    await Promise.all([free.close(), held.close()]);
    await rm(folder, { recursive: true });
  }
});
