import { expect, test } from "vitest";
import { CODEC_NAMES } from "../../src/consensus/index.ts";
import { benchCodecs } from "../../testnet/codec-bench/bench-codecs.ts";
import { gaussian, studentT, trainedUpdate } from "../../testnet/codec-bench/sources.ts";

const energy = (values: Float32Array) => values.reduce((sum, at) => sum + at * at, 0);

test("every codec is measured on each source, with bytes, energy and speed", async () => {
  const recorded = { source: "adapter", values: gaussian(4096, 3) };
  const codecs = await benchCodecs({ values: 5000, seed: 1, repeats: 1, recorded });

  expect(codecs.map(({ source, name }) => `${source} ${name}`)).toEqual(
    ["gaussian", "student-t", "adapter"].flatMap((source) =>
      CODEC_NAMES.map((name) => `${source} ${name}`),
    ),
  );
  for (const each of codecs) {
    expect(each.ratio).toBeCloseTo((4 * each.values) / each.bytes, 6);
    expect(each.bitsPerValue).toBeCloseTo((8 * each.bytes) / each.values, 6);
    expect(each.encodeMBps).toBeGreaterThan(0);
    expect(each.decodeMBps).toBeGreaterThan(0);
    expect(each.capturedEnergy).toBeLessThanOrEqual(1);
  }
  const energyOf = (name: string) =>
    codecs.find((each) => each.name === name && each.source === "gaussian")?.capturedEnergy ?? 0;
  expect(energyOf("float32")).toBe(1);
  expect(energyOf("ternary")).toBeGreaterThan(energyOf("sign"));
  expect(energyOf("sign")).toBeGreaterThan(energyOf("sparse"));
}, 120_000);

test("the sources are what their names say, the same for the same seed", () => {
  const [plain, heavy] = [gaussian(50_000, 1), studentT(50_000, 1)];

  expect(energy(plain) / plain.length).toBeCloseTo(1, 1);
  expect(Math.max(...plain.map(Math.abs))).toBeLessThan(6);
  // tails that the Gaussian has not
  expect(Math.max(...heavy.map(Math.abs))).toBeGreaterThan(12);
  expect(gaussian(50_000, 1)).toEqual(plain);
  expect(gaussian(50_000, 2)).not.toEqual(plain);
});

test("the recorded update is what training made of a seed", async () => {
  const update = await trainedUpdate(1);

  expect(update.every(Number.isFinite)).toBe(true);
  expect(energy(update)).toBeGreaterThan(0);
  expect(await trainedUpdate(1)).toEqual(update);
}, 180_000);
