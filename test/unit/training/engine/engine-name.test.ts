import { expect, test } from "vitest";
import { KlatchError } from "../../../../src/errors.ts";
import type { Engine } from "../../../../src/training/engine/engine.ts";
import { withFallback } from "../../../../src/training/engine/fallback-engine.ts";
import { createOnnxEngine } from "../../../../src/training/engine/onnx-engine.ts";
import { LearnerCore } from "../../../../src/training/learner/core.ts";
import { freshOptimizer } from "../../../../src/training/loop/optimizer.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { tinyOptions, writeTinyFolder } from "../learner/model-folder.ts";

test("the facts of a learner whose device is lost name the engine that went on", async () => {
  const folder = temporaryFolder();
  await writeTinyFolder(folder);
  const cpu = createOnnxEngine({ threads: 1 });
  const dying: Engine = {
    name: "device",
    compile: () => Promise.reject(new KlatchError("engine", "the device is lost", "look for it")),
    close: async () => {},
  };
  const openDying = async () => ({
    engine: withFallback(
      dying,
      async () => cpu,
      () => {},
    ),
    passedOver: [],
  });
  const core = await LearnerCore.open(tinyOptions(folder), null, () => {}, openDying);
  expect(core.info.engine).toBe("device");
  const optimizer = freshOptimizer(core.info.layout.length);
  await core.train({ adapter: core.initialAdapter(), optimizer, round: 0, steps: 2 }, {});
  expect(core.info.engine).toBe("onnx:cpu");
  // As it travels to the thread that shows it.
  expect(structuredClone(core.info)).toMatchObject({ engine: "onnx:cpu", passedOver: [] });
  await core.close();
});
