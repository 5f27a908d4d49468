import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { seededRandom } from "../../../../src/random.ts";
import { createLora } from "../../../../src/training/adapters/methods/lora.ts";
import type { Engine, Program } from "../../../../src/training/engine/engine.ts";
import { LearnerCore } from "../../../../src/training/learner/core.ts";
import type { LearnerNotice } from "../../../../src/training/learner/learner.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { choose, generate } from "../../../../src/training/programs/generation.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { engine, numbers } from "../graph/finite-differences.ts";
import { sequenceLogits } from "../models/logits.ts";
import { TINY, tinyModel } from "../models/tiny-llama.ts";
import { tinyOptions, writeTinyFolder } from "./model-folder.ts";

const base = tinyModel({ ...TINY, eosIds: [] });
const lora = createLora(base.definition, { rank: 2, alpha: 4, targets: ["all"] });
const model = new AdaptedModel(base, lora, engine);
const adapter = Float32Array.from(numbers(lora.layout.length, 3), (x) => 0.3 * x);
afterAll(() => model.close());

/** Greedy continuation without a cache: the whole sequence again for every token. */
async function greedyFromScratch(prompt: readonly number[], count: number) {
  const ids = [...prompt];
  for (let i = 0; i < count; i += 1) {
    const logits = await sequenceLogits(model, adapter, ids);
    ids.push(choose(logits.subarray(-TINY.vocabSize), 0, () => 0));
  }
  return ids.slice(prompt.length);
}

describe("generation with a cache", () => {
  test("continues as the whole sequence would", async () => {
    const prompt = [1, 7, 3];
    const options = { maxTokens: 12, temperature: 0, seed: 1 };
    const found = await generate(model, adapter, prompt, options);
    expect(found).toEqual(await greedyFromScratch(prompt, 12));
    // Control: the adapter matters.
    const plain = await generate(model, lora.initial(1), prompt, options);
    expect(plain).not.toEqual(found);
  });

  test("ends at the end of the context, and drops the beginning of a longer prompt", async () => {
    const options = { maxTokens: 100, temperature: 0, seed: 1 };
    // The context is 24: after 20 ids, 4 more fit and the token after them is known; 30 ids keep their last 23.
    const prompt = (length: number) => Array.from({ length }, (_, i) => i % 11);
    expect((await generate(model, adapter, prompt(20), options)).length).toBe(5);
    const cut = await generate(model, adapter, prompt(30), options);
    expect(cut).toEqual(await generate(model, adapter, prompt(30).slice(7), options));
    expect(cut.length).toBe(2);
  });

  test("stops at an end-of-text id without giving it", async () => {
    const options = { maxTokens: 12, temperature: 0, seed: 1 };
    const [, second = 0] = await generate(model, adapter, [1, 7, 3], options);
    const ending = new AdaptedModel(tinyModel({ ...TINY, eosIds: [second] }), lora, engine);
    const found = await generate(ending, adapter, [1, 7, 3], options);
    expect(found).not.toContain(second);
    expect(found.length).toBeLessThanOrEqual(1);
    await ending.close();
  });
});

test("an id that cannot be is not drawn, whatever the draw", () => {
  expect(choose(Float32Array.of(Number.NEGATIVE_INFINITY, 0), 1, () => 0)).toBe(1);
});

test("sampling draws in proportion to softmax(logits / temperature)", () => {
  // exp(log 3) : exp(0) = 3 : 1.
  const logits = Float32Array.of(Math.log(3), 0);
  const random = seededRandom(1);
  const draws = Array.from({ length: 4000 }, () => choose(logits, 1, random));
  const share = draws.filter((i) => i === 0).length / 4000;
  // Three standard deviations of a share of 4000 draws are 3 sqrt(0.75 * 0.25 / 4000) = 0.02.
  expect(Math.abs(share - 0.75)).toBeLessThan(0.02);
  // At a third of the temperature: 27 : 1.
  const cold = Array.from({ length: 4000 }, () => choose(logits, 1 / 3, random));
  expect(cold.filter((i) => i === 0).length / 4000).toBeGreaterThan(0.95);
});

test("computes no position after the last token that is asked for", async () => {
  const runs: string[] = [];
  const counted: Engine = {
    ...engine,
    async compile(outputs) {
      const program = await engine.compile(outputs);
      const run = (...given: Parameters<Program["run"]>) => {
        runs.push("id" in given[0] ? "one" : "whole");
        return program.run(...given);
      };
      return { run, close: () => program.close() };
    },
  };
  const own = new AdaptedModel(base, lora, counted);
  const options = { maxTokens: 3, temperature: 0, seed: 1 };
  const made = await generate(own, adapter, [1, 7, 3], options);
  await own.close();
  expect(made.length).toBe(3);
  // The prompt gives the first token, each token but the last the next.
  expect(runs).toEqual(["whole", "one", "one"]);
});

describe("generation_config.json", () => {
  const request = { prompt: "ab", maxTokens: 6, temperature: 0, seed: 1 };
  const answer = async (content?: object) => {
    const folder = temporaryFolder();
    await writeTinyFolder(folder);
    if (content !== undefined) {
      await writeFile(join(folder, "generation_config.json"), JSON.stringify(content));
    }
    const { data: _, test: __, ...options } = tinyOptions(folder);
    const core = await LearnerCore.open(options);
    try {
      return await core.generate(core.initialAdapter(), request);
    } finally {
      await core.close();
    }
  };

  test("names further ids that end a text", async () => {
    const whole = await answer();
    expect(whole.length).toBeGreaterThan(0);
    // Every byte ends the text, beside what config.json says.
    const bytes = Array.from({ length: 64 }, (_, i) => i);
    expect(await answer({ eos_token_id: bytes })).not.toBe(whole);
    // Control: ids that are not made, and a file without any, change nothing.
    expect(await answer({ eos_token_id: 1 })).toBe(whole);
    expect(await answer({ temperature: 0.7 })).toBe(whole);
  });

  test("is refused when its ids are none", async () => {
    await expect(answer({ eos_token_id: "end" })).rejects.toMatchObject({ code: "data" });
  });
});

test("a prompt that the model cannot read whole is said to be cut, and one that it can is not", async () => {
  const folder = temporaryFolder();
  await writeTinyFolder(folder);
  const notices: LearnerNotice[] = [];
  const core = await LearnerCore.open(tinyOptions(folder), null, (notice) => notices.push(notice));
  const ask = (prompt: string) =>
    core.generate(core.initialAdapter(), { prompt, maxTokens: 1, temperature: 0, seed: 1 });

  await ask("ab");
  expect(notices).toEqual([]);
  await ask("a long prompt ".repeat(20));
  await core.close();

  expect(notices[0]?.message).toContain("its beginning is left out");
  // The context is 32, and one more token is to be had.
  expect(notices[0]?.facts).toMatchObject({ read: 31 });
  expect(Number(new Map(Object.entries(notices[0]?.facts ?? {})).get("tokens"))).toBeGreaterThan(
    280,
  );
});
