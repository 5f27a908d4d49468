import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { Program } from "../../../../src/training/engine/engine.ts";
import { exp, mul } from "../../../../src/training/graph/elementwise.ts";
import { computationOrder, gradients } from "../../../../src/training/graph/gradient.ts";
import { graphMemory } from "../../../../src/training/graph/memory.ts";
import { recomputedGradients } from "../../../../src/training/graph/recompute.ts";
import { type Arrays, Graph, type Value } from "../../../../src/training/graph/value.ts";
import { type HeadOptions, headLoss } from "../../../../src/training/layers/cross-entropy.ts";
import { engine, numbers } from "../graph/finite-differences.ts";

const [ROWS, WIDTH, WORDS] = [7, 4, 5];
const WEIGHTS = [0.3, 0, 0.2, 0.1, 0.1, 0.2, 0.1];
const TARGETS = [4, 0, 1, 1, 3, 2, 4];

interface Numbers {
  readonly weights: readonly number[];
  readonly targets: readonly number[];
}

/** A head on rows that are computed from others, with `head` fed unless it is said to be a constant. */
function headOf(options: HeadOptions, rows = ROWS, words = WORDS, constant = false) {
  const graph = new Graph();
  const x = graph.input("x", [rows, WIDTH], "f32");
  graph.startSegment(x);
  const hidden = exp(mul(x, x));
  graph.startSegment(hidden);
  const size = [words, WIDTH] as const;
  const head = constant
    ? graph.constant(new Float32Array(words * WIDTH), size, "f32", "head")
    : graph.input("head", size, "f32");
  const targets = graph.input("targets", [rows], "i64");
  const weights = graph.input("weights", [rows, 1], "f32");
  return { x, head, made: headLoss(hidden, head, targets, weights, options) };
}

const programs = new Map<string, Promise<readonly Program[]>>();
afterAll(async () => {
  for (const made of programs.values()) for (const program of await made) await program.close();
});

/** Two programs, as training and evaluation are. */
function compile(options: HeadOptions): Promise<readonly Program[]> {
  const { x, head, made } = headOf(options);
  const [ofX, ofHead] = gradients(made.loss, [x, head]) as [Value, Value];
  const { loss, rowLosses, best, target } = made;
  return Promise.all([
    engine.compile({ loss, ofX, ofHead }),
    engine.compile({ rowLosses, best, target }),
  ]);
}

const feedsOf = ({ weights, targets }: Numbers) => ({
  x: Float32Array.from(numbers(ROWS * WIDTH, 1)),
  head: Float32Array.from(numbers(WORDS * WIDTH, 2)),
  targets: BigInt64Array.from(targets, BigInt),
  weights: Float32Array.from(weights),
});

/** Loss, gradients and statistics of the rows. */
async function run(options: HeadOptions, batch: Numbers): Promise<Arrays> {
  const key = JSON.stringify(options);
  const compiled = programs.get(key) ?? compile(options);
  programs.set(key, compiled);
  const found: Record<string, Arrays[string]> = {};
  for (const program of await compiled) Object.assign(found, await program.run(feedsOf(batch)));
  return found;
}

/** The greatest difference of any number; of one above 1, in parts of it: a float of 16 has steps of 2e-6. */
function apart(a: Arrays, b: Arrays): number {
  expect(Object.keys(a)).toEqual(Object.keys(b));
  const differences = Object.entries(a).flatMap(([name, values]) =>
    [...values].map((x, i) => {
      const [one, other] = [Number(x), Number(b[name]?.[i])];
      return Math.abs(one - other) / Math.max(1, Math.abs(other));
    }),
  );
  return Math.max(...differences);
}

describe("a head in blocks of rows gives what it gives at once", () => {
  test.each([
    ["a number that divides the rows", { block: 1 }, WEIGHTS],
    ["one that does not", { block: 3 }, WEIGHTS],
    ["capped logits", { block: 2, cap: 0.7 }, WEIGHTS],
    ["a block without any weight", { block: 2 }, [0.5, 0.1, 0, 0, 0, 0.2, 0.2]],
    ["a last block without any weight", { block: 5 }, [0.5, 0.1, 0.1, 0.1, 0.2, 0, 0]],
  ])("with %s", async (_, options, weights) => {
    const batch = { weights, targets: TARGETS };
    const whole = await run({ ...options, block: ROWS }, batch);
    expect(apart(await run(options, batch), whole)).toBeLessThan(1e-6);
  });

  test("whatever rows carry a loss, and which", async () => {
    const word = fc.nat({ max: WORDS - 1 });
    const rows = {
      weights: fc.array(fc.constantFrom(0, 0.1, 0.5), { minLength: ROWS, maxLength: ROWS }),
      targets: fc.array(word, { minLength: ROWS, maxLength: ROWS }),
    };
    const block = fc.integer({ min: 1, max: ROWS - 1 });
    await fc.assert(
      fc.asyncProperty(fc.record(rows), block, async (batch, size) => {
        const whole = await run({ block: ROWS }, batch);
        expect(apart(await run({ block: size }, batch), whole)).toBeLessThan(1e-6);
      }),
      { numRuns: 10 },
    );
  });

  test("and tells a block from another (control)", async () => {
    const whole = await run({ block: ROWS }, { weights: WEIGHTS, targets: TARGETS });
    const turned = [...TARGETS.slice(3), ...TARGETS.slice(0, 3)];
    const other = await run({ block: 3 }, { weights: WEIGHTS, targets: turned });
    expect(apart(other, whole)).toBeGreaterThan(0.01);
  });
});

/** Every softmax of what computes `outputs`, each with what it is computed from. */
function logitsOf(outputs: readonly Value[]): readonly (readonly Value[])[] {
  const found = computationOrder(outputs).filter(({ op }) => op === "softmax");
  return found.map((shares) => computationOrder([shares]));
}

describe("the blocks of a head", () => {
  test.each(["training", "recomputed training", "evaluation"])(
    "follow one another in %s, in whatever order an engine computes",
    (program) => {
      const { x, made } = headOf({ block: 2 });
      const found = program === "training" ? gradients : recomputedGradients;
      const outputs =
        program === "evaluation" ? [made.rowLosses] : [made.loss, ...found(made.loss, [x])];
      const shares = logitsOf(outputs).map((before) => before.at(-1));
      expect(shares.length).toBe(4);
      // What uses a block's shares is done before the next block's are there.
      const uses = (value: Value) => value.inputs.some((input) => shares.includes(input));
      const ends = computationOrder(outputs).filter(uses);
      for (const [i, before] of logitsOf(outputs).entries()) {
        const done = ends.filter((end) => shares.indexOf(end.inputs[0]) < i);
        expect(done.length).toBe(i * (program === "evaluation" ? 1 : 2));
        expect(before).toEqual(expect.arrayContaining(done));
      }
    },
  );

  const trained = (rows: number, words: number, constant = false) => {
    const { x, made } = headOf({}, rows, words, constant);
    const [ofX] = gradients(made.loss, [x]) as [Value];
    const outputs = { loss: made.loss, ofX };
    return {
      blocks: logitsOf(Object.values(outputs)).length,
      bytes: graphMemory(outputs).activations,
    };
  };

  test("hold a part of many logits, and are one where there are few", () => {
    const whole = 512 * 151_936 * 4;
    const { blocks, bytes } = trained(512, 151_936);
    expect(blocks).toBeGreaterThan(1);
    // Logits and their shares.
    expect(bytes).toBeLessThan((2.1 * whole) / blocks);
    expect(trained(512, 49_152).blocks).toBe(1);
    expect(trained(2048, 4096).blocks).toBe(1);
    // A product of few rows takes nearly as long as one of more.
    expect(trained(200, 262_144).blocks).toBe(2);
    expect(trained(128, 10 * 262_144).blocks).toBe(1);
  });

  test("are one where a program copies the head for each product", () => {
    expect(trained(512, 151_936, true).blocks).toBe(1);
  });
});

test("recomputing what comes before blocks changes no number", async () => {
  const { x, head, made } = headOf({ block: 3 });
  const both = [];
  for (const found of [gradients, recomputedGradients]) {
    const [ofX, ofHead] = found(made.loss, [x, head]) as [Value, Value];
    const program = await engine.compile({ loss: made.loss, ofX, ofHead });
    both.push(await program.run(feedsOf({ weights: WEIGHTS, targets: TARGETS })));
    await program.close();
  }
  expect(both[1]).toEqual(both[0]);
});
