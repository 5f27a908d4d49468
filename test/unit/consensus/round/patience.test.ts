import { describe, expect, it } from "vitest";
import {
  createRound,
  type Effect,
  type Event,
  type RoundState,
  roundTimingSchema,
  step,
} from "../../../../src/consensus/index.ts";

const ROUNDS = 200;
const TRAINING_MS = 1000;
/** A round without anybody to wait for: training, announcements and transfers. */
const PLAIN_MS = TRAINING_MS + 200;

/** A fifth of the longer grace. */
const TOLERANCE_MS = 4000;

/** Milliseconds after the others; Infinity is never. */
interface Conduct {
  readonly announces: number;
  readonly serves: number;
}

const GOOD: Conduct = { announces: 0, serves: 0 };
const LATE: Conduct = { announces: 12_000, serves: 0 };
const ON_THE_BELL: Conduct = { announces: 14_990, serves: 0 };
const SILENT: Conduct = { announces: Number.POSITIVE_INFINITY, serves: 0 };
const WITHHELD: Conduct = { announces: 0, serves: Number.POSITIVE_INFINITY };
const DRIPPED: Conduct = { announces: 0, serves: 19_000 };
const SLOWER: Conduct = { announces: 900, serves: 0 };

const TIMING = roundTimingSchema.parse({});
const OTHERS = ["a", "b", "c"];

/** Plays a run with three punctual peers and one of another conduct; the length of each round, milliseconds. */
function durations(conductOf: (round: number) => Conduct, timing = TIMING): readonly number[] {
  let state = createRound({
    self: "me",
    neighbours: [...OTHERS, "m"],
    rounds: ROUNDS,
    attackersMax: 1,
    startOthers: 2,
    timing,
  });
  let now = 0;
  const plan: { at: number; event: Untimed<Event> }[] = [];
  const later = (delay: number, event: Untimed<Event>) => {
    if (delay < Number.POSITIVE_INFINITY) plan.push({ at: now + delay, event });
  };
  const began: number[] = [];
  const perform = (effect: Effect) => {
    if (effect.type === "train") {
      const { round } = effect;
      began.push(now);
      const { announces } = conductOf(round);
      later(TRAINING_MS, { type: "trained", round, payload: `me/${round}` });
      for (const peer of OTHERS) later(TRAINING_MS + 100, announced(peer, round));
      later(TRAINING_MS + 100 + announces, announced("m", round));
    } else if (effect.type === "fetch") {
      const { peer, round } = effect;
      const serves = peer === "m" ? conductOf(round).serves : 0;
      later(100 + serves, { type: "fetched", peer, round });
    } else if (effect.type === "start-timer") {
      const { timer, round, at } = effect;
      later(at - now, { type: "timer", timer, round });
    } else if (effect.type === "mix") later(0, { type: "mixed", round: effect.round });
  };
  const hear = (event: Untimed<Event>) => {
    let effects: readonly Effect[];
    [state, effects] = step(state as RoundState, { ...event, now } as Event);
    for (const effect of effects) perform(effect);
  };
  hear({ type: "started" });
  while (state.phase !== "done") {
    plan.sort((x, y) => x.at - y.at);
    const next = plan.shift();
    if (next === undefined) throw new Error("the run stands still");
    now = next.at;
    hear(next.event);
  }
  return began.map((at, round) => (began[round + 1] ?? now) - at);
}

type Untimed<T> = T extends unknown ? Omit<T, "now"> : never;

function announced(peer: string, round: number): Untimed<Event> {
  return { type: "announced", peer, round, payload: `${peer}/${round}`, payloadBytes: 1 };
}

/** Rounds in which the others waited for the peer. */
const waits = (lengths: readonly number[]) => lengths.filter((ms) => ms > PLAIN_MS + 1).length;

const alternating = (bad: Conduct, every: number) => (round: number) =>
  round % every === 0 ? bad : GOOD;

describe("a peer that lets others wait, in a run of 200 rounds of one second", () => {
  it.each<[string, (round: number) => Conduct]>([
    ["is late every round", () => LATE],
    ["comes in the last moment every round", () => ON_THE_BELL],
    ["never announces", () => SILENT],
    ["announces and does not serve", () => WITHHELD],
    ["serves a byte a second", () => DRIPPED],
    ["takes turns between late and silent", (round) => (round % 2 === 0 ? LATE : SILENT)],
  ])("that %s costs a few waits, and none after five rounds", (_name, conductOf) => {
    const lengths = durations(conductOf);
    // nobody is late for the first round
    expect(waits(lengths.slice(1))).toBeLessThanOrEqual(3);
    expect(waits(lengths.slice(5))).toBe(0);
  });

  it.each<[string, (round: number) => Conduct]>([
    ["late every other round", alternating(LATE, 2)],
    ["late and withheld in turn", (round) => (round % 2 === 0 ? LATE : WITHHELD)],
    ["silent every other round", alternating(SILENT, 2)],
    ["withholds every third round", alternating(WITHHELD, 3)],
    ["drips every fifth round", alternating(DRIPPED, 5)],
  ])("and is good in between (%s) costs ever fewer", (_name, conductOf) => {
    const lengths = durations(conductOf);
    expect(waits(lengths.slice(0, 100))).toBeLessThanOrEqual(10);
    // after two misses, what is waited for it is short
    expect(lengths.slice(6).filter((ms) => ms > PLAIN_MS + TOLERANCE_MS + 1)).toHaveLength(0);
    expect(waits(lengths.slice(100))).toBeLessThanOrEqual(2);
  });

  it("costs a wait every time where misses are not counted (control)", () => {
    const timing = roundTimingSchema.parse({ missesMax: 1000 });
    expect(waits(durations(() => LATE, timing))).toBe(ROUNDS);
    expect(waits(durations(() => WITHHELD, timing))).toBe(ROUNDS);
  });
});

describe("an honest peer", () => {
  it("that is a little slower is waited for in every round", () => {
    expect(waits(durations(() => SLOWER))).toBe(ROUNDS);
  });

  it("that was away for ten rounds is waited for again after one punctual round", () => {
    const lengths = durations((round) => (round >= 20 && round < 30 ? SILENT : SLOWER));
    expect(waits(lengths.slice(0, 20))).toBe(20);
    expect(waits(lengths.slice(22, 31))).toBe(0);
    expect(waits(lengths.slice(31))).toBe(ROUNDS - 31);
  });
});
