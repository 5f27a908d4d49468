import { describe, expect, test } from "vitest";
import { KlatchError } from "../../../../src/errors.ts";
import { createLora } from "../../../../src/training/adapters/methods/lora.ts";
import { collateParts } from "../../../../src/training/batches/collate.ts";
import type { Engine } from "../../../../src/training/engine/engine.ts";
import { withFallback } from "../../../../src/training/engine/fallback-engine.ts";
import { createOnnxEngine } from "../../../../src/training/engine/onnx-engine.ts";
import { graphMemory } from "../../../../src/training/graph/memory.ts";
import type { Arrays } from "../../../../src/training/graph/value.ts";
import type { LearnerOptions } from "../../../../src/training/learner/learner.ts";
import { EvaluationSize, evaluate } from "../../../../src/training/loop/evaluation.ts";
import { MicroBatch } from "../../../../src/training/loop/micro-batch.ts";
import { freshOptimizer } from "../../../../src/training/loop/optimizer.ts";
import {
  type TrainHooks,
  type TrainResult,
  train,
} from "../../../../src/training/loop/train-step.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { generate } from "../../../../src/training/programs/generation.ts";
import { tinyOptions } from "../learner/model-folder.ts";
import { TINY, tinyModel } from "../models/tiny-llama.ts";

const cpu = createOnnxEngine({ threads: 1 });

/** The CPU's engine as a device of its own: `fail` is asked before every run and throws when it likes. */
function device(fail: (run: number, feeds: Arrays) => void): Engine {
  let runs = 0;
  return {
    name: "device",
    async compile(outputs) {
      const program = await cpu.compile(outputs);
      return {
        async run(feeds, into) {
          runs += 1;
          fail(runs, feeds);
          return program.run(feeds, into);
        },
        close: () => program.close(),
      };
    },
    close: async () => {},
  };
}

const lost = () =>
  new KlatchError("engine", "the device is lost", "look whether it is still there");
const full = () => new KlatchError("memory", "the device is full", "use less");

const examples = Array.from({ length: 6 }, (_, row) => ({
  ids: Int32Array.from({ length: 9 }, (_each, i) => (row * 5 + i * 3) % 11),
  promptLength: 1,
  truncated: false,
}));
const STEPS = 6;

/** What the values of a step that keeps them take. */
function stepBytes(): number {
  const base = tinyModel();
  const method = createLora(base.definition, { rank: 2, alpha: 4, targets: ["all"] });
  const [part] = collateParts(examples.slice(0, 4), 8);
  if (part === undefined) throw new Error("a batch has parts");
  const kind = { slots: method.layout.tensors, recompute: false };
  return new AdaptedModel(base, method, cpu).trainingMemory(part.shape, kind).activations;
}

function trainOn(engine: Engine, hooks: TrainHooks = {}): Promise<TrainResult> {
  const base = tinyModel();
  const method = createLora(base.definition, { rank: 2, alpha: 4, targets: ["all"] });
  const options: LearnerOptions = { ...tinyOptions(""), batchSize: 4 };
  const request = {
    adapter: method.initial(1),
    optimizer: freshOptimizer(method.layout.length),
    round: 0,
    steps: STEPS,
  };
  return train(new AdaptedModel(base, method, engine), examples, options, request, hooks);
}

/** The greatest difference between two arrays. */
function apart(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? Number.NaN))));
}

describe("a device that is lost in the middle of training", () => {
  test.each([1, 2, STEPS])("at run %i ends nothing when the CPU takes over", async (at) => {
    const undisturbed = await trainOn(cpu);
    const told: string[] = [];
    let opened = 0;
    const dying = device((run) => {
      if (run >= at) throw lost();
    });
    const engine = withFallback(
      dying,
      async () => {
        opened += 1;
        return cpu;
      },
      ({ message }) => told.push(message),
    );
    const result = await trainOn(engine);
    expect(result).toMatchObject({ loss: undisturbed.loss, tokens: undisturbed.tokens });
    expect(result.adapter).toEqual(undisturbed.adapter);
    expect(result.optimizer).toEqual(undisturbed.optimizer);
    expect([told, opened, engine.name]).toEqual([["the device is lost"], 1, "onnx:cpu"]);
    await engine.close();
  });

  test("stops training with its error where nothing stands behind it, and harms no state", async () => {
    let message = "";
    const dying = device((run) => {
      if (run === 3) throw lost();
    });
    await trainOn(dying).catch((error: Error) => {
      ({ message } = error);
    });
    expect(message).toBe("the device is lost");
    // The device is there again: what the caller still has gives what it would have given.
    expect((await trainOn(dying)).adapter).toEqual((await trainOn(cpu)).adapter);
  });

  test("is told from bugs and from too little memory, which change no engine", async () => {
    for (const error of [new TypeError("a bug"), full()]) {
      const engine = withFallback(
        device(() => {
          throw error;
        }),
        async () => cpu,
        () => expect.unreachable(),
      );
      await expect(trainOn(engine)).rejects.toBe(error);
    }
  });
});

/** Takes at most so many rows of 8 at a time. */
const small = (rows: number) =>
  device((_run, { ids }) => {
    if ((ids?.length ?? 0) > rows * 8) throw full();
  });

describe("a device with too little memory", () => {
  test.each([
    [3, [2]],
    [1, [2, 1]],
  ])(
    "for more than %i rows trains the same batches in smaller parts, and says so",
    async (rows, steps) => {
      const whole = await trainOn(cpu);
      const told: number[] = [];
      const microBatch = new MicroBatch({
        mayRecompute: false,
        onLowered: ({ rowsMax }, cause) => {
          told.push(rowsMax);
          expect(cause.message).toBe("the device is full");
        },
      });
      const parted = await trainOn(small(rows), { microBatch });
      expect(told).toEqual(steps);
      expect([parted.examples, parted.tokens]).toEqual([whole.examples, whole.tokens]);
      expect(parted.loss).toBeCloseTo(whole.loss, 5);
      expect(apart(parted.adapter, whole.adapter)).toBeLessThan(1e-4);
      // The next training knows already.
      await trainOn(small(rows), { microBatch });
      expect(told).toEqual(steps);
    },
  );

  /** Takes no program whose values are more than so many bytes at one time. */
  const smallFor = (bytes: number): Engine => ({
    ...cpu,
    async compile(outputs) {
      if (graphMemory(outputs).activations > bytes) throw full();
      return cpu.compile(outputs);
    },
  });

  test.each([
    [0.9, [true, Number.POSITIVE_INFINITY]],
    [0.4, [true, 2]],
  ])(
    "for %d of a step recomputes the blocks, which changes no number, before it takes fewer rows",
    async (share, limits) => {
      const whole = await trainOn(cpu);
      const microBatch = new MicroBatch();
      const parted = await trainOn(smallFor(share * stepBytes()), { microBatch });
      const { recompute, rowsMax } = microBatch.limits;
      expect([recompute, rowsMax]).toEqual(limits);
      if (rowsMax > 4) expect(parted.adapter).toEqual(whole.adapter);
      else expect(apart(parted.adapter, whole.adapter)).toBeLessThan(1e-4);
    },
  );

  test("is not asked for more than it was told to take", async () => {
    const whole = await trainOn(cpu);
    const parted = await trainOn(small(1), { microBatch: new MicroBatch({ rowsMax: 1 }) });
    expect(parted.tokens).toBe(whole.tokens);
    expect(parted.loss).toBeCloseTo(whole.loss, 5);
    expect(apart(parted.adapter, whole.adapter)).toBeLessThan(1e-4);
  });

  test("for a single row gives up with the device's own error", async () => {
    await expect(trainOn(small(0))).rejects.toMatchObject({ code: "memory" });
  });

  test("gives other parameters when a part is lost (control)", async () => {
    const parts = collateParts(examples.slice(0, 4), 8, { rowsMax: 2 });
    expect(parts.length).toBe(2);
    const base = tinyModel();
    const method = createLora(base.definition, { rank: 2, alpha: 4, targets: ["all"] });
    const model = new AdaptedModel(base, method, cpu);
    const { layout } = method;
    const [all, some] = [new Float32Array(layout.length), new Float32Array(layout.length)];
    await model.lossAndGradient(method.initial(1), parts, layout.tensors, all);
    await model.lossAndGradient(method.initial(1), parts.slice(1), layout.tensors, some);
    expect(apart(all, some)).toBeGreaterThan(1e-3);
    await model.close();
  });
});

describe("with too little memory", () => {
  const base = tinyModel({ ...TINY, eosIds: [] });
  const method = createLora(base.definition, { rank: 2, alpha: 4, targets: ["all"] });
  const modelOn = (engine: Engine) => new AdaptedModel(base, method, engine);
  const adapter = method.initial(1);
  const texts = [...examples, ...examples.map((each) => ({ ...each, ids: each.ids.slice(0, 5) }))];
  const judge = (engine: Engine, size?: EvaluationSize, from = texts) =>
    evaluate(modelOn(engine), adapter, from, 24, size);

  test.each([5, 1])(
    "for more than %i rows an evaluation takes fewer, and says so once",
    async (rows) => {
      const told: string[] = [];
      const size = new EvaluationSize((positions, { message }) =>
        told.push(`${positions} ${message}`),
      );
      const whole = await judge(cpu);
      const parted = await judge(small(rows), size);
      const { loss, perplexity, ...counts } = whole;
      expect(parted).toMatchObject(counts);
      expect(parted.loss).toBeCloseTo(loss, 5);
      expect(parted.perplexity).toBeCloseTo(perplexity, 4);
      expect(told).toEqual(["48 the device is full"]);
      expect(size.positions).toBe(rows === 5 ? 24 : 8);
      await judge(small(rows), size);
      expect(told.length).toBe(1);
      // Control: each row counts.
      expect((await judge(cpu, size, texts.slice(1))).loss).not.toBeCloseTo(loss, 5);
    },
  );

  test("for one row an evaluation gives up", async () => {
    await expect(judge(small(0))).rejects.toMatchObject({ code: "memory" });
  });

  /** Has room for so many programs at one time. */
  const roomFor = (most: number): Engine => {
    let open = 0;
    return {
      ...cpu,
      async compile(outputs) {
        if (open === most) throw full();
        const program = await cpu.compile(outputs);
        open += 1;
        const close = async () => {
          open -= 1;
          await program.close();
        };
        return { ...program, close };
      },
    };
  };

  test("what other programs keep is freed before anything is given up", async () => {
    const judged = await judge(cpu);
    const size = new EvaluationSize(() => expect.unreachable());
    const options = { maxTokens: 4, temperature: 0, seed: 1 };
    const model = modelOn(roomFor(1));
    expect(await evaluate(model, adapter, texts, 24, size)).toEqual(judged);
    const found = await generate(model, adapter, [1, 7, 3], options);
    expect(found).toEqual(await generate(modelOn(cpu), adapter, [1, 7, 3], options));
    expect(await evaluate(model, adapter, texts, 24, size)).toEqual(judged);
    await model.close();
  });

  test("for its text alone a generation says so and what to do", async () => {
    const options = { maxTokens: 4, temperature: 0, seed: 1 };
    await expect(generate(modelOn(roomFor(0)), adapter, [1, 7, 3], options)).rejects.toMatchObject({
      code: "memory",
      message: expect.stringContaining("3 tokens: the device is full"),
      hint: expect.stringContaining("shorten the prompt"),
    });
  });
});
