import { expect, test } from "vitest";
import { geometryOf } from "../../../../../src/consensus/mixing/common/geometry.ts";
import { likenessWeights } from "../../../../../src/consensus/mixing/common/likeness.ts";

const COUNT = 10;
const HONEST = Array.from({ length: COUNT }, () => 1);

/** Update i goes `common` along what all share and 1 along an axis of its own: cosines of 1/2 among ones. */
function updatesOf(common: readonly number[]): Float32Array[] {
  return common.map((along, i) => {
    const update = new Float32Array(COUNT + 1);
    update[0] = along;
    update[i + 1] = 1;
    return update;
  });
}

function weightsOf(updates: readonly Float32Array[], f: number, copies: "share" | "out" = "out") {
  return likenessWeights(geometryOf(updates), f, copies);
}

/** `updates` with some of them replaced by others. */
function replaced(
  updates: readonly Float32Array[],
  others: Readonly<Record<number, Float32Array | undefined>>,
): Float32Array[] {
  return updates.map((update, i) => others[i] ?? update);
}

test("honest updates count whole, also where they have nothing in common", () => {
  expect(weightsOf(updatesOf(HONEST), 3)).toEqual(HONEST);
  expect(weightsOf(updatesOf(HONEST.map(() => 0)), 3)).toEqual(HONEST);
});

test("an update that points away from most counts for nothing, f of them at most", () => {
  const three = updatesOf([-1, -1, -1, 1, 1, 1, 1, 1, 1, 1]);

  expect(weightsOf(three, 3)).toEqual([0, 0, 0, 1, 1, 1, 1, 1, 1, 1]);
  expect(weightsOf(three, 2)).toEqual([0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
  expect(weightsOf(three, 0)).toEqual(HONEST);
});

test("an update of less than half the median norm counts for nothing, a somewhat longer one whole", () => {
  const updates = updatesOf(HONEST);
  const scaled = (factor: number) =>
    replaced(updates, { 4: updates[4]?.map((at) => factor * at), 6: new Float32Array(COUNT + 1) });

  expect(weightsOf(scaled(0.49), 3)).toEqual([1, 1, 1, 1, 0, 1, 0, 1, 1, 1]);
  expect(weightsOf(scaled(0.51), 3)).toEqual([1, 1, 1, 1, 1, 1, 0, 1, 1, 1]);
});

test("copies share one weight, or count for nothing where nobody can have copied an honest update", () => {
  const updates = updatesOf(HONEST);
  const copies = replaced(updates, { 1: updates[0] });
  const [own, copy, ...others] = weightsOf(copies, 3, "share");

  expect(own).toBeCloseTo(0.5);
  expect(copy).toBeCloseTo(0.5);
  expect(others).toEqual(HONEST.slice(2));
  expect(weightsOf(copies, 3)).toEqual([0, 0, ...others]);
});

test("more copies than there are attackers share one weight even there: some of them must be honest", () => {
  const updates = updatesOf(HONEST);

  const [own, copy] = weightsOf(replaced(updates, { 1: updates[0] }), 1);

  expect(own).toBeCloseTo(0.5);
  expect(copy).toBeCloseTo(0.5);
});

test("of the copies of an update that is out, none is shared with it", () => {
  const updates = updatesOf([1, 1, 1, 1, 1, 1, 1, 1, -1, -1]);
  const weights = weightsOf(replaced(updates, { 9: updates[8] }), 1, "share");

  // Both are far below the others; f = 1 of them is out, and the other's weight is not halved for it.
  expect(weights.slice(8)).toEqual([0, 1]);
});
