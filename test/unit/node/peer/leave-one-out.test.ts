import { expect, test } from "vitest";
import { leaveOneOut } from "../../../../src/node/peer/agreed/leave-one-out.ts";
import { mixedAgain } from "../../../../src/node/peer/agreed/rollback.ts";
import type { KeptRound } from "../../../../src/node/store/contract.ts";
import { keptRun } from "../../../support/kept-run.ts";

test("a round is mixed without each of its authors, as if it had sent nothing", async () => {
  const since = 2;
  const { ground, points, roster } = await keptRun(5, () => "helpful");
  const mixes = leaveOneOut(ground, since);
  if (typeof mixes === "string") throw new Error(mixes);
  expect(mixes.whole).toEqual(points[since + 1]?.theta);
  expect([...mixes.without.keys()]).toEqual(roster);
  for (const [without, theta] of mixes.without) {
    const again = mixedAgain(ground, { without, since }, since + 1);
    expect({ theta }).toEqual({ theta: typeof again === "string" ? again : again.theta });
    // control: each of them made a difference
    expect(theta).not.toEqual(mixes.whole);
  }
});

test("who counted for nothing is not left out, nor anybody without whom too few are left", async () => {
  // called harmful by everybody in round 1, the last has no share in round 2
  const harmed = await keptRun(5, (height) => (height === 0 ? "harmful" : "helpful"));
  const mixes = leaveOneOut(harmed.ground, 1);
  expect(typeof mixes === "string" ? mixes : [...mixes.without.keys()]).toEqual(
    harmed.roster.slice(0, -1),
  );
  const few = await keptRun(4, () => "absent");
  const none = leaveOneOut(few.ground, 1);
  expect(typeof none === "string" ? none : none.without.size).toBe(0);
});

test("what cannot be mixed again is said", async () => {
  const { ground, kept } = await keptRun(5, () => "helpful");
  const otherwise = { ...ground, run: { ...ground.run, agreedRule: "mean" } as const };
  expect(leaveOneOut(otherwise, 2)).toBe("round 3: it does not mix to the certified state here");
  expect(leaveOneOut({ ...ground, links: () => [] }, 2)).toBe("round 3: its block is not here");
  const third = kept.get(2) as KeptRound;
  kept.set(2, { ...third, payloads: new Map([...third.payloads].slice(1)) });
  expect(leaveOneOut(ground, 2)).toMatch(/^round 3: the update of 12D3\w+ is not kept here/);
  kept.delete(2);
  expect(leaveOneOut(ground, 2)).toMatch(/^round 3: its state and updates are not kept here/);
});
