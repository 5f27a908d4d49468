import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mix, mixFloat64 } from "../../../../src/consensus/index.ts";
import { MIXING_RULES, type MixingRule } from "../../../../src/types.ts";
import { type ReferenceCase, referenceInputs } from "./reference-inputs.ts";

type Outputs = Readonly<Record<string, readonly number[]>>;
interface Reference {
  readonly cases: readonly (ReferenceCase & { readonly outputs: Outputs })[];
}

const root = new URL("../../../../", import.meta.url);
const fixture = read(new URL("test/fixtures/mixing-rules.json", root));
const vectorsFile = new URL("../shared/vectors/robust_vectors.json", root);
const present = existsSync(vectorsFile);

function read(file: URL): Reference {
  return JSON.parse(readFileSync(file, "utf8")) as Reference;
}

/** What one node mixes in a case: the first of the states is its own. */
function inputsOf<T>({ n, f }: ReferenceCase, [own, ...others]: readonly T[]) {
  const contributions = others.map((state, i) => ({ peer: `p${100 + i}`, state, share: 1 / n }));
  return { own: own as T, contributions, attackersMax: f, attackerShare: f / n };
}

function run(rule: MixingRule, reference: ReferenceCase): Float64Array {
  return mixFloat64(rule, inputsOf(reference, referenceInputs(reference)));
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i += 1) {
    const difference = Math.abs(Number(a[i]) - Number(b[i]));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

test.each(MIXING_RULES)("%s gives the recorded reference values within 1e-9", (rule) => {
  expect(fixture.cases).toHaveLength(3);
  for (const reference of fixture.cases) {
    expect(largestDifference(run(rule, reference), reference.outputs[rule] ?? [])).toBeLessThan(
      1e-9,
    );
  }
});

test("float32 mixes stay within 1e-4 of the reference values", () => {
  for (const { outputs, ...reference } of fixture.cases) {
    const states = referenceInputs(reference).map((row) => Float32Array.from(row));
    const mixed = mix("cs-plus", inputsOf(reference, states));
    expect(largestDifference(mixed, outputs["cs-plus"] ?? [])).toBeLessThan(1e-4);
  }
});

const NAMES: readonly (readonly [MixingRule, string])[] = [
  ["mean", "Average"],
  ["median", "Median"],
  ["trimmed-mean", "TrMean"],
  ["cs-plus", "gossip CS+(pivot=0,w=1/n,bw=f/n,eta=1)"],
  ["gts", "gossip GTS(pivot=0,w=1/n,bw=f/n,eta=1)"],
  ["cs-he", "gossip CShe(pivot=0,w=1/n,bw=f/n,eta=1)"],
];
test.skipIf(!present).each(NAMES)(
  "%s agrees with %s of an independent implementation within 1e-9 (needs ../shared/vectors)",
  (rule, name) => {
    for (const reference of read(vectorsFile).cases) {
      const expected = reference.outputs[name] ?? [];
      expect(largestDifference(run(rule, reference), expected)).toBeLessThan(1e-9);
    }
  },
);
