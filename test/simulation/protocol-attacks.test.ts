import { expect, test } from "vitest";
import { type Trial, tried } from "../../scripts/protocol-attacks/trial.ts";

const TRIAL: Trial = { mode: "agreed", peers: 4, rounds: 3, seed: 2, attackers: 1 };
const UNHARMED = { framed: 0, finished: 3 };
const OUT = { ...UNHARMED, pairs: 3, noticed: 3, proven: 3, evicted: 3 };

test.each(["gossip", "agreed"] as const)(
  "in mode %s replayed announcements accuse nobody, and a second payload puts out who signed it (control)",
  async (mode) => {
    const replayed = await tried({ ...TRIAL, mode }, "replay");
    const second = await tried({ ...TRIAL, mode }, "equivocate");

    expect(replayed).toMatchObject({ ...UNHARMED, proven: 0, roundsToProof: null });
    expect(replayed.refused).toEqual(expect.arrayContaining(["other-run", "replay"]));
    expect(second.refused).not.toContain("replay");
    expect(second).toMatchObject(OUT);
    expect(second.roundsToProof).toBeLessThanOrEqual(1);
    expect(second.roundsMixedAfter).toBeLessThanOrEqual(1);
  },
);

test("votes forged in others' names put nobody out, and one's own contradictions do (control)", async () => {
  const forged = await tried(TRIAL, "frame");

  expect(forged).toMatchObject({ ...UNHARMED, proven: 0, evicted: 0 });
  expect(forged.refused).toContain("bad-signature");
  expect(await tried(TRIAL, "equivocate-votes")).toMatchObject(OUT);
});
