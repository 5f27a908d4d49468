import { describe, expect, test } from "vitest";
import { readiness } from "../../../../src/node/http/readiness.ts";
import { NODE_STATES } from "../../../../src/node/records/record-schemas.ts";
import { sampleStatus } from "../node-samples.ts";

/** A running node in round 10 whose neighbours announced these rounds last. */
function runningAmong(rounds: readonly (number | null)[], connected = true) {
  const [peer] = sampleStatus().peers;
  if (peer === undefined) throw new Error("the sample has a peer");
  return sampleStatus({ round: 10, peers: rounds.map((round) => ({ ...peer, round, connected })) });
}

describe("a running node is ready", () => {
  test.each([
    ["in the round of the others", [10, 10, 10], 200],
    ["one behind, as whoever trains longest is", [11, 11, 11], 200],
    ["ahead of them", [8, 9], 200],
    ["before anyone announced", [null, null], 200],
    ["whatever one of them says of itself", [10, 10, 999], 200],
    ["not while it catches up", [23, 23, 10], 503],
    ["not behind its only neighbour", [23], 503],
  ] as const)("%s", (_, rounds, expected) => {
    expect(readiness(runningAmong(rounds))).toBe(expected);
  });

  test("by those that it is connected with", () => {
    expect(readiness(runningAmong([23, 23], false))).toBe(200);
  });
});

test("no state is ready but running and finished", () => {
  const ready = NODE_STATES.filter((state) => readiness(sampleStatus({ state })) === 200);

  expect(ready).toEqual(["running", "finished"]);
});
