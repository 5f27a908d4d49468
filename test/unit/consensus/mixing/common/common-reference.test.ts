import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Vector } from "../../../../../src/consensus/index.ts";
import { trimmedGroups } from "../../../../../src/consensus/mixing/common/by-coordinate.ts";
import { centredClip, weiszfeld } from "../../../../../src/consensus/mixing/common/centres.ts";
import { combine, geometryOf } from "../../../../../src/consensus/mixing/common/geometry.ts";
import { likenessWeights } from "../../../../../src/consensus/mixing/common/likeness.ts";
import {
  COMMON_RULE_NAMES,
  COMMON_RULES,
  type CommonRuleName,
  commonFloat64,
} from "../../../../../src/consensus/mixing/common/rules.ts";
import {
  krumScores,
  nearestNeighbours,
  smallest,
} from "../../../../../src/consensus/mixing/common/selection.ts";
import { type ReferenceCase, referenceInputs } from "../reference-inputs.ts";

interface LikeCase {
  readonly name: string;
  readonly attackersMax: number;
  readonly shares: readonly number[];
  readonly updates: readonly (readonly number[])[];
  readonly outputs: Readonly<Record<CommonRuleName, readonly number[]>>;
  readonly weights: Readonly<Record<"share" | "out", readonly number[]>>;
}
type ByzflCase = ReferenceCase & { readonly outputs: Readonly<Record<string, unknown>> };

const root = new URL("../../../../../", import.meta.url);
const { cases: LIKE_CASES } = read<LikeCase>(new URL("test/fixtures/common-rules.json", root));
const { cases: BYZFL_CASES } = read<ByzflCase>(new URL("test/fixtures/byzfl-rules.json", root));
const vectors = new URL("../shared/vectors/robust_vectors.json", root);

function read<Case>(file: URL): { readonly cases: readonly Case[] } {
  return JSON.parse(readFileSync(file, "utf8")) as { readonly cases: readonly Case[] };
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, within = 1e-9): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i += 1) {
    const [a, b] = [Number(actual[i]), Number(expected[i])];
    expect(Math.abs(a - b) / Math.max(1, Math.abs(b)), `at ${i}`).toBeLessThan(within);
  }
}

describe("rules for a common set, beside the same in numpy", () => {
  const settings = COMMON_RULE_NAMES.flatMap((rule) =>
    LIKE_CASES.map((each) => [rule, each.name, each] as const),
  );

  test.each(settings)("%s of %s agrees within 1e-9, in single precision within 1e-6", (...row) => {
    const [rule, , { updates, shares, attackersMax, outputs }] = row;
    const doubles = updates.map((update) => Float64Array.from(update));
    const singles = updates.map((update) => Float32Array.from(update));

    expectClose(commonFloat64(rule, { updates: doubles, shares, attackersMax }), outputs[rule]);
    expectClose(
      COMMON_RULES[rule]({ updates: singles, shares, attackersMax }),
      outputs[rule],
      1e-6,
    );
  });

  test.each(LIKE_CASES)("the check of $name counts every update as numpy does", (each) => {
    const geometry = geometryOf(each.updates.map((update) => Float64Array.from(update)));

    for (const copies of ["share", "out"] as const) {
      const weights = likenessWeights(geometry, each.attackersMax, copies);
      expectClose(weights, each.weights[copies]);
    }
  });

  test("covers copies that count for nothing, and honest updates that count whole (control)", () => {
    const [copies] = LIKE_CASES.filter(({ name }) => name === "copies");

    expect(copies?.weights.out.slice(7)).toEqual([0, 0, 0]);
    expect(copies?.weights.out.slice(0, 6)).toEqual([1, 1, 1, 1, 1, 1]);
  });
});

const equalShares = (rows: readonly Vector[]): number[] => rows.map(() => 1 / rows.length);
const zeros = (rows: readonly Vector[]): number[] => rows.map(() => 0);

/** What each of ByzFL's rules is here, of n rows of which f are Byzantine. */
const BYZFL: Readonly<
  Record<string, (rows: readonly Float64Array[], f: number) => ArrayLike<number>>
> = {
  Average: rule("mean"),
  Median: rule("median"),
  TrMean: rule("trimmed-mean"),
  MultiKrum: rule("multi-krum"),
  "NNM+TrMean": rule("nnm-trimmed"),
  "NNM+Median": (rows, f) => trimmedGroups(rows, neighbours(rows, f), (rows.length - 1) >> 1),
  Krum: (rows, f) => rows[smallest(krumScores(geometryOf(rows), f), 1)[0] ?? -1] ?? [],
  NNM: (rows, f) => neighbours(rows, f).flatMap((near) => [...trimmedGroups(rows, [near], 0)]),
  "GeometricMedian(nu=0.1,T=3)": medianBy(0.1, 3),
  "GeometricMedian(nu=1e-6,T=100)": medianBy(1e-6, 100),
  "CenteredClipping(m=0,L=1,tau=1)": clipBy(1, 1),
  "CenteredClipping(m=0,L=3,tau=10)": clipBy(10, 3),
};

function rule(name: CommonRuleName) {
  return (updates: readonly Float64Array[], attackersMax: number) =>
    commonFloat64(name, { updates, shares: equalShares(updates), attackersMax });
}

function neighbours(rows: readonly Float64Array[], f: number): number[][] {
  return nearestNeighbours(geometryOf(rows), f);
}

function medianBy(smoothing: number, steps: number) {
  return (rows: readonly Float64Array[]) => {
    const options = { start: zeros(rows), steps, smoothing, tolerance: -1 };
    return combine(rows, weiszfeld(equalShares(rows), geometryOf(rows), options));
  };
}

function clipBy(radius: number, steps: number) {
  return (rows: readonly Float64Array[]) => {
    const options = { start: zeros(rows), steps, radius };
    return combine(rows, centredClip(equalShares(rows), geometryOf(rows), options));
  };
}

describe("rules for a common set, beside ByzFL's", () => {
  test.each(Object.entries(BYZFL))("%s agrees within 1e-9", (name, aggregate) => {
    expect(BYZFL_CASES).toHaveLength(3);
    for (const { outputs, ...reference } of BYZFL_CASES) {
      const expected = [outputs[name]].flat(2) as number[];
      expectClose(aggregate(referenceInputs(reference), reference.f), expected);
    }
  });

  test.skipIf(!existsSync(vectors))(
    "the recorded outputs are those of the reference vectors (needs ../shared/vectors)",
    () => {
      for (const [index, { outputs }] of read<ByzflCase>(vectors).cases.entries()) {
        expect(outputs).toMatchObject(BYZFL_CASES[index]?.outputs ?? {});
      }
    },
  );
});
