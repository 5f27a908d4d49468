import { expect, test } from "vitest";
import { rateAgainst } from "../../../../testnet/federation/bjontegaard.ts";

const REFERENCE = { bytesPerPeer: [100, 200, 300, 400], loss: [4, 3, 2, 1] };

test("the same curve takes the same, one with a tenth of the bytes a tenth", () => {
  expect(rateAgainst(REFERENCE, REFERENCE)).toBe(1);
  const tenth = { ...REFERENCE, bytesPerPeer: [10, 20, 30, 40] };
  expect(rateAgainst(tenth, REFERENCE)).toBeCloseTo(0.1, 12);
  expect(rateAgainst(REFERENCE, tenth)).toBeCloseTo(10, 12);
});

test("only losses that both pass through count, by straight lines between rounds", () => {
  // between losses 3 and 2 it takes 400 where the other one took 200 to 300, in logarithms
  const late = { bytesPerPeer: [400, 400], loss: [3, 2] };
  expect(rateAgainst(late, REFERENCE)).toBeCloseTo(400 / Math.sqrt(200 * 300), 12);
  expect(rateAgainst({ bytesPerPeer: [1, 2], loss: [9, 5] }, REFERENCE)).toBeNull();
  expect(rateAgainst({ bytesPerPeer: [], loss: [] }, REFERENCE)).toBeNull();
});

test("a loss that rises again changes nothing", () => {
  const bumpy = { bytesPerPeer: [100, 150, 200, 300, 400], loss: [4, 9, 3, 2, 1] };
  expect(rateAgainst(bumpy, REFERENCE)).toBeCloseTo(1, 12);
});
