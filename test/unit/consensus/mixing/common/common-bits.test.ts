import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  COMMON_RULE_NAMES,
  COMMON_RULES,
  type CommonRuleName,
  sampleSet,
} from "../../../../../src/consensus/index.ts";
import { commonFloat64 } from "../../../../../src/consensus/mixing/common/rules.ts";

type Digests = Readonly<Record<CommonRuleName, string>>;

/** Digests of little-endian numbers by a second implementation, common_bits.py beside the file. */
const { updates, mixes, beforeRounding } = JSON.parse(
  readFileSync(new URL("../../../../fixtures/common-bits.json", import.meta.url), "utf8"),
) as { readonly updates: string; readonly mixes: Digests; readonly beforeRounding: Digests };

function digest(...arrays: readonly (Float32Array | Float64Array)[]): string {
  const hash = createHash("sha256");
  for (const array of arrays) {
    const size = array.BYTES_PER_ELEMENT;
    const bytes = new DataView(new ArrayBuffer(size * array.length));
    for (const [index, value] of array.entries()) {
      if (size === 8) bytes.setFloat64(size * index, value, true);
      else bytes.setFloat32(size * index, value, true);
    }
    hash.update(bytes);
  }
  return hash.digest("hex");
}

test("the sample is that of the protocol", () => {
  expect(digest(...sampleSet().updates)).toBe(updates);
});

test.each(COMMON_RULE_NAMES)(
  "%s gives the sample the bits that another implementation gives",
  (name) => {
    expect(digest(COMMON_RULES[name](sampleSet()))).toBe(mixes[name]);
  },
);

test.each(COMMON_RULE_NAMES)(
  "%s sums in the same order: its bits are the same before rounding",
  (name) => {
    expect(digest(commonFloat64(name, sampleSet()))).toBe(beforeRounding[name]);
  },
);

test("the digest sees the last bit, and another order of updates (control)", () => {
  const { updates: rows, shares, attackersMax } = sampleSet();
  const reversed = { updates: rows.toReversed(), shares: shares.toReversed(), attackersMax };
  const mix = COMMON_RULES.mean(sampleSet());
  mix[999] = (mix[999] ?? 0) * (1 + 2 ** -23);

  expect(digest(mix)).not.toBe(mixes.mean);
  expect(digest(commonFloat64("mean", reversed))).not.toBe(beforeRounding.mean);
});
