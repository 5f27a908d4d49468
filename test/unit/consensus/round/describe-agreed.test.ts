import { describe, expect, test } from "vitest";
import {
  type AgreedState,
  createAgreed,
  describeAgreed,
  genesis,
  roundTimingSchema,
} from "../../../../src/consensus/index.ts";

const RUN = "a".repeat(64);
const members = { peers: ["a", "b", "c", "d"], digest: "b".repeat(64), turns: [2, 0, 1, 3] };

const payload = { place: 0, payload: "d".repeat(64), bytes: 10 };
const created = createAgreed(
  {
    ...{ self: "a", run: RUN, rounds: 3, membersOf: () => members, attackersMin: 1 },
    ...{ payloadBytes: () => 10, timing: roundTimingSchema.parse({}) },
  },
  { head: { ...genesis(RUN, "c".repeat(64), members), height: 1 }, payload },
);
/** A member that has announced, is in its round, and reaches nobody. */
const alone: AgreedState = {
  ...created,
  phase: "running",
  height: { ...created.height, arrivals: new Map([[0, [{ ...payload, at: 0 }]]]) },
};
const running = { ...alone.training, phase: "running" as const };

describe("what is told of a round in mode agreed", () => {
  test("is whom it waits for, also while the node trains on without a quorum", () => {
    const said = { phase: "commit", waitingFor: ["d", "b", "c"].sort() };
    const told = ({ phase, waitingFor }: ReturnType<typeof describeAgreed>) => ({
      ...{ phase, waitingFor: [...waitingFor].sort() },
    });

    expect(told(describeAgreed(alone))).toEqual(said);
    expect(told(describeAgreed({ ...alone, training: running }))).toEqual(said);
    // control: before it has announced it trains
    const height = { ...alone.height, payload: null };
    expect(describeAgreed({ ...alone, height, training: running }).phase).toBe("train");
  });

  test("is how far the chain and the vote are, and who proposes", () => {
    expect(describeAgreed(alone)).toMatchObject({
      ...{ round: 1, blocks: 1, head: RUN, quorum: 3, ballots: 0, votes: 0, view: 0 },
      ...{ proposer: "a", votingAt: null },
    });
  });
});
