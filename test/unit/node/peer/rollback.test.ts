import { describe, expect, test } from "vitest";
import type { AgreedPoint } from "../../../../src/consensus/index.ts";
import { mixedAgain } from "../../../../src/node/peer/agreed/rollback.ts";
import { digestOfPoint } from "../../../../src/node/peer/manifest.ts";
import type { KeptRound } from "../../../../src/node/store/contract.ts";
import { keptRun, ROUNDS } from "../../../support/kept-run.ts";

const digest = (point: AgreedPoint | string | undefined) =>
  typeof point === "object" ? digestOfPoint(point) : point;

describe("rounds that are mixed again without an author", () => {
  test.each([0, 0.4])(
    "lead to where the run had gone without it, with momentum %f",
    async (momentum) => {
      const since = 2;
      const run = await keptRun(5, () => "helpful", momentum);
      const never = await keptRun(5, (height) => (height < since ? "helpful" : "absent"), momentum);
      const again = mixedAgain(run.ground, { without: run.without, since }, ROUNDS);

      expect(digest(never.points[since])).toBe(digest(run.points[since]));
      expect(digest(again)).toBe(digest(never.points[ROUNDS]));
      // control: it was in, and without anybody left out the state is as it was
      expect(digest(again)).not.toBe(digest(run.points[ROUNDS]));
      const nobody = mixedAgain(run.ground, { without: "nobody", since }, ROUNDS);
      expect(digest(nobody)).toBe(digest(run.points[ROUNDS]));
    },
  );

  test("stay as they are where fewer than 2 f + 1 updates are left", async () => {
    const run = await keptRun(4, (height) => (height > 0 ? "helpful" : "absent"));
    const { ground, without, kept, roster } = run;
    const [one] = kept.values();
    expect(one?.payloads.size).toBe(4);
    const second = roster[1] ?? "";
    // round 1 had three authors: without one of them its cut is empty
    const again = mixedAgain(ground, { without: second, since: 0 }, 1);
    expect(digest(again)).toBe(digest(run.points[0]));
    expect(digest(mixedAgain(ground, { without, since: 0 }, 1))).toBe(digest(run.points[1]));
  });
});

describe("what is missing is named", () => {
  const changed = (kept: KeptRound, change: (payloads: Map<string, Uint8Array>) => void) => {
    const payloads = new Map(kept.payloads);
    change(payloads);
    return { ...kept, payloads };
  };
  const firstOf = (payloads: ReadonlyMap<string, Uint8Array>) =>
    [...payloads][0] as readonly [string, Uint8Array];

  test.each<readonly [string, (kept: Map<number, KeptRound>) => void, RegExp]>([
    ["a round", (kept) => kept.delete(3), /^round 4: its state and updates are not kept/],
    ["the first round", (kept) => kept.delete(2), /^round 3: its state/],
    [
      "an update",
      (kept) =>
        kept.set(
          3,
          changed(kept.get(3) as KeptRound, (all) => all.delete(firstOf(all)[0])),
        ),
      /^round 4: the update of 12D3\w+ is not kept here/,
    ],
    [
      "an update that is damaged",
      (kept) =>
        kept.set(
          3,
          changed(kept.get(3) as KeptRound, (all) => {
            const [name, bytes] = firstOf(all);
            all.set(name, bytes.with(9, (bytes[9] ?? 0) ^ 1));
          }),
        ),
      /^round 4: the update of 12D3\w+ is not kept here/,
    ],
    [
      "another state",
      (kept) => {
        const at = kept.get(2) as KeptRound;
        kept.set(2, { ...at, theta: at.theta.with(0, 9) });
      },
      /^round 3: what is kept here does not start from the certified state/,
    ],
  ])("%s", async (_, lose, reason) => {
    const { ground, without, kept } = await keptRun(5, () => "helpful");
    lose(kept);
    expect(mixedAgain(ground, { without, since: 2 }, ROUNDS)).toMatch(reason);
  });
});
