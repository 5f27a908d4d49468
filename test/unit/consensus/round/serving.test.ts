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

/** Whose update of round 0 a node asks for that trains so long that others announce round 1 before. */
function askedFor(from?: { readonly round: number; readonly payload: string }): readonly string[] {
  const timing = roundTimingSchema.parse({});
  const neighbours = ["a", "b", "c", "late"];
  let state = createRound({ self: "me", neighbours, rounds: 5, attackersMax: 1, timing }, from);
  const asked: string[] = [];
  const on = (event: Event) => {
    const [next, effects] = step(state, event);
    state = next;
    asked.push(...effects.flatMap((effect) => (effect.type === "fetch" ? [effect.peer] : [])));
  };
  const announced = (peer: string, round: number, now: number) =>
    on({ type: "announced", peer, round, payload: `${peer}/${round}`, payloadBytes: 1, now });
  on({ type: "started", now: 0 });
  for (const [time, peer] of ["a", "b", "c"].entries()) announced(peer, 0, 900 + time);
  for (const [time, peer] of ["a", "b", "c"].entries()) announced(peer, 1, 2000 + time);
  announced("late", 0, 3000);
  if (from === undefined) on({ type: "trained", round: 0, payload: "me/0", now: 4000 });
  return asked;
}

test("an update is not asked for whose author may have seen those of others", () => {
  expect(askedFor()).toEqual(["a", "b", "c"]);
});

test("it is by a node that is back and hears of everything at once (control)", () => {
  expect(askedFor({ round: 0, payload: "me/0" })).toContain("late");
});

const to = (...peers: string[]) => ({ type: "open", round: 0, payload: "me/0", to: peers });

test("an update is served to those who have announced one themselves, and to others when they do", () => {
  const { opened, announced, finish } = closed();
  expect(opened).toEqual([to("a", "b")]);
  finish(0, 16_200);
  expect(opened).toHaveLength(1);
  announced("c", 0, 17_000);
  expect(opened.slice(1)).toEqual([to("a", "b", "c")]);
});

test("that of the last round is served to nobody else: somebody may still be in that round", () => {
  const { on, opened, announced, finish } = closed();
  finish(0, 16_200);
  for (const round of [1, 2]) {
    const at = 20_000 * round;
    for (const peer of ["a", "b", "c"]) announced(peer, round, at);
    on({ type: "trained", round, payload: `me/${round}`, now: at });
    for (const peer of ["a", "b", "c"]) on({ type: "fetched", peer, round, now: at });
    on({ type: "mixed", round, now: at });
  }
  expect(opened.at(-1)).toEqual({ type: "open", round: 1, payload: "me/1" });
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
