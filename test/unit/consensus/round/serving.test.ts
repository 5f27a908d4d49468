import { expect, test } from "vitest";
import {
  createRound,
  type Effect,
  type Event,
  roundTimingSchema,
  step,
} from "../../../../src/consensus/index.ts";

/** A node with three neighbours that has closed round 0 with two of them; what it serves from then on. */
function closed() {
  const neighbours = ["a", "b", "c"];
  const timing = roundTimingSchema.parse({});
  let state = createRound({ self: "me", neighbours, rounds: 3, attackersMax: 0, timing });
  const opened: Effect[] = [];
  const on = (event: Event) => {
    const [next, effects] = step(state, event);
    state = next;
    opened.push(...effects.filter(({ type }) => type === "open"));
  };
  const announced = (peer: string, round: number, now: number) =>
    on({ type: "announced", peer, round, payload: `${peer}/${round}`, payloadBytes: 1, now });
  const finish = (round: number, now: number) => {
    for (const peer of ["a", "b"]) on({ type: "fetched", peer, round, now });
    on({ type: "mixed", round, now });
  };
  on({ type: "started", now: 0 });
  for (const peer of ["a", "b"]) announced(peer, 0, 900);
  on({ type: "trained", round: 0, payload: "me/0", now: 1000 });
  on({ type: "timer", timer: "commit", round: 0, now: 16_000 });
  return { on, opened, announced, finish };
}

const to = (...peers: string[]) => ({ type: "open", round: 0, payload: "me/0", to: peers });

test("an update is served to those who have announced one themselves, and to others when they do", () => {
  const { opened, announced, finish } = closed();
  expect(opened).toEqual([to("a", "b")]);
  finish(0, 16_200);
  expect(opened).toHaveLength(1);
  announced("c", 0, 17_000);
  expect(opened.slice(1)).toEqual([to("a", "b", "c")]);
});

test("it is served to everybody when the next round is closed", () => {
  const { on, opened, announced, finish } = closed();
  finish(0, 16_200);
  for (const peer of ["a", "b"]) announced(peer, 1, 17_000);
  on({ type: "trained", round: 1, payload: "me/1", now: 17_000 });
  expect(opened).toHaveLength(1);
  on({ type: "timer", timer: "commit", round: 1, now: 33_000 });
  expect(opened.slice(1)).toEqual([
    { type: "open", round: 1, payload: "me/1", to: ["a", "b"] },
    { type: "open", round: 0, payload: "me/0" },
  ]);
});
