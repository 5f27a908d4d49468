import { expect, test } from "vitest";
import {
  createRound,
  type Effect,
  type Event,
  roundTimingSchema,
  step,
} from "../../../../src/consensus/index.ts";

const OTHERS = ["a", "b", "c", "d", "e", "f"];

test.each([
  ["at a round that some have announced, who wait for a quorum", 3, 1],
  ["after a round that a quorum has closed without it", 4, 2],
])("a node that is late goes on %s", (_, ahead, next) => {
  const timing = roundTimingSchema.parse({});
  let state = createRound({ self: "me", neighbours: OTHERS, rounds: 10, attackersMax: 1, timing });
  const on = (event: Event): readonly Effect[] => {
    const [after, effects] = step(state, event);
    state = after;
    return effects;
  };
  const announced = (peer: string, now: number, round: number) =>
    on({ type: "announced", peer, round, payload: `${peer}/${round}`, payloadBytes: 10, now });

  on({ type: "started", now: 0 });
  on({ type: "trained", round: 0, payload: "me/0", now: 1000 });
  for (const peer of OTHERS) announced(peer, 1100, 0);
  for (const peer of OTHERS.slice(0, ahead)) announced(peer, 2000, 1);
  on({ type: "timer", timer: "fetch", round: 0, now: 1e6 });
  const effects = on({ type: "mixed", round: 0, now: 1e6 });

  expect(state.round).toBe(next);
  // a restart goes on there too: a round that was left out would come after one that is announced
  expect(effects).toContainEqual({ type: "commit", round: 0, next });
});
