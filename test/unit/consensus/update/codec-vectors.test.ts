import { describe, expect, it } from "vitest";
import { CODEC_NAMES, CODECS } from "../../../../src/consensus/index.ts";
import vectors from "../../../fixtures/codec-vectors.json" with { type: "json" };
import { codecVectors, vectorValues } from "../../../support/codec-vectors.ts";

describe("the conformance vectors of the codecs", () => {
  it("are what this encoder and decoder make", () => {
    expect(codecVectors()).toEqual(vectors);
  });

  it("have every codec, and values of which some are cut, some equal and a chunk zero", () => {
    const values = vectorValues(5000);

    expect(new Set(vectors.map(({ codec }) => codec))).toEqual(new Set(CODEC_NAMES));
    expect(values.subarray(2048, 2304).every((value) => value === 0)).toBe(true);
    expect(new Set(values.map(Math.abs)).size).toBeLessThan(values.length / 3);
    expect(Math.max(...values)).toBe(504 / 256);
  });

  it("are of a round where a codec takes turns, and of none where it does not", () => {
    const payloads = (name: (typeof CODEC_NAMES)[number]) =>
      [0, 12].map((round) => CODECS[name].encode(vectorValues(300), { seed: 1, round }));
    const takesTurns = CODEC_NAMES.filter((name) => {
      const [one, other] = payloads(name);
      return Buffer.compare(one as Uint8Array, other as Uint8Array) !== 0;
    });

    expect(takesTurns).toEqual(["masked"]);
  });
});
