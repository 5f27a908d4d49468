import { expect, test } from "vitest";
import {
  createRound,
  type Effect,
  type Event,
  type ResumePoint,
  type RoundState,
  roundTimingSchema,
  step,
  describe as view,
} from "../../../../src/consensus/index.ts";

/** One node, "me", fed by hand; the clock is an argument of every event. */
class Node {
  state: RoundState;
  effects: readonly Effect[] = [];

  constructor(neighbours: readonly string[], from?: ResumePoint, attackersMax = 0, rounds = 10) {
    const timing = roundTimingSchema.parse({});
    const startOthers = neighbours.length >> 1;
    this.state = createRound(
      { self: "me", neighbours, rounds, attackersMax, startOthers, timing },
      from,
    );
  }

  on(event: Event): readonly Effect[] {
    [this.state, this.effects] = step(this.state, event);
    return this.effects;
  }

  announced(peer: string, now: number, round = 0, payload = `${peer}/${round}`): readonly Effect[] {
    return this.on({ type: "announced", peer, round, payload, payloadBytes: 10, now });
  }

  trained(now: number, round = 0): readonly Effect[] {
    return this.on({ type: "trained", round, payload: `me/${round}`, now });
  }
}

const kinds = (effects: readonly Effect[]): string[] =>
  effects.map((effect) =>
    effect.type === "observe" ? `${effect.kind} ${effect.peer}` : effect.type,
  );

function started(neighbours: readonly string[], attackersMax = 0): Node {
  const node = new Node(neighbours, undefined, attackersMax);
  node.on({ type: "started", now: 0 });
  return node;
}

test("a round trains, announces, opens, fetches, mixes, commits and trains again", () => {
  const node = new Node(["b", "a"]);

  expect(kinds(node.on({ type: "started", now: 0 }))).toEqual(["train"]);
  expect(kinds(node.announced("a", 900))).toEqual([]);
  expect(kinds(node.trained(1000))).toEqual(["announce", "start-timer"]);
  expect(view(node.state)).toMatchObject({ phase: "commit", waitingFor: ["b"], announced: ["a"] });
  expect(kinds(node.announced("b", 1200))).toEqual(["open", "fetch", "fetch", "start-timer"]);
  node.on({ type: "fetched", peer: "b", round: 0, now: 1300 });
  expect(node.on({ type: "fetched", peer: "a", round: 0, now: 1400 })).toEqual([
    { type: "mix", round: 0, peers: ["a", "b"] },
  ]);
  expect(kinds(node.on({ type: "mixed", round: 0, now: 1500 }))).toEqual([
    "timely a",
    "timely b",
    "commit",
    "train",
  ]);
});

test("after a quorum the missing get one grace, and then the round goes on without them", () => {
  const node = started(["a", "b", "c"]);
  node.announced("a", 900);
  node.announced("b", 1000);

  // Quorum of 4 with this node: 2 others. Spread 100 ms, so the grace is the 15 s of the default.
  expect(node.trained(1000)).toContainEqual({
    type: "start-timer",
    timer: "commit",
    round: 0,
    at: 16_000,
  });
  expect(kinds(node.on({ type: "timer", timer: "commit", round: 0, now: 16_000 }))).toContain(
    "open",
  );
  for (const peer of ["a", "b"]) node.on({ type: "fetched", peer, round: 0, now: 16_100 });
  expect(kinds(node.announced("c", 16_200))).toEqual(["late c", "open"]);
  expect(kinds(node.on({ type: "mixed", round: 0, now: 16_300 }))).not.toContain("missing c");
});

test("a peer missing twice delays nobody until it announces again", () => {
  const node = started(["a", "b", "c"]);
  let now = 0;
  for (const round of [0, 1]) {
    now += 1000;
    node.announced("a", now, round);
    node.announced("b", now, round);
    node.trained(now, round);
    now += 15_000;
    node.on({ type: "timer", timer: "commit", round, now });
    for (const peer of ["a", "b"]) node.on({ type: "fetched", peer, round, now });
    expect(kinds(node.on({ type: "mixed", round, now }))).toContain("missing c");
  }
  node.announced("a", now, 2);
  node.announced("b", now, 2);
  expect(kinds(node.trained(now + 1000, 2))).toContain("open");
  node.announced("c", now + 1100, 2);
  for (const peer of ["a", "b"]) node.on({ type: "fetched", peer, round: 2, now: now + 1200 });
  node.on({ type: "mixed", round: 2, now: now + 1300 });
  node.trained(now + 2000, 3);
  expect(view(node.state).waitingFor).toEqual(["a", "b", "c"]);
});

test("two payloads of one peer for one round are equivocation, once, and neither is used", () => {
  const node = started(["a", "b"]);
  node.announced("a", 100);

  expect(kinds(node.announced("a", 200, 0, "other"))).toEqual(["equivocation a"]);
  expect(kinds(node.announced("a", 300, 0, "third"))).toEqual([]);
  node.announced("b", 400);
  node.trained(1000);
  expect(node.effects.filter(({ type }) => type === "fetch")).toMatchObject([{ peer: "b" }]);
});

test("an isolated or evicted peer is neither awaited nor fetched", () => {
  const node = started(["a", "b"]);
  node.on({ type: "standing", peer: "a", standing: "isolated", now: 1 });
  node.on({ type: "standing", peer: "b", standing: "evicted", now: 1 });
  node.announced("a", 2);

  expect(kinds(node.trained(1000))).toEqual(["announce", "open", "mix"]);
});

test("a restarted node announces the same payload again without training", () => {
  const node = new Node(["a"], { round: 3, payload: "kept" });

  expect(node.on({ type: "started", now: 0 })[0]).toEqual({
    type: "announce",
    round: 3,
    payload: "kept",
  });
});

test("a finished run stays finished", () => {
  const node = new Node(["a"], { round: 10 });

  expect(kinds(node.on({ type: "started", now: 0 }))).toEqual(["finish"]);
  expect(kinds(node.announced("a", 1))).toEqual([]);
});

test("with b = 1 one peer that announces far ahead moves nobody, two do", () => {
  for (const [liars, round] of [
    [1, 1],
    // no quorum of that round: it is not closed
    [2, 7],
  ] as const) {
    const node = started(["a", "b", "c"], 1);
    for (const liar of ["a", "b"].slice(0, liars)) node.announced(liar, 10, 7);
    node.trained(1000);
    // With one liar the round closes when another has announced it.
    node.announced("c", 1100);
    node.on({ type: "timer", timer: "commit", round: 0, now: 1_000_000 });
    node.on({ type: "fetched", peer: "c", round: 0, now: 1_000_000 });
    node.on({ type: "mixed", round: 0, now: 1_000_001 });
    expect(node.state.round).toBe(round);
  }
});

test("a node that missed more rounds than it did listens for one, takes over what others have, and trains on", () => {
  const node = started(["a", "b"]);
  node.trained(1000);
  for (const peer of ["a", "b"]) node.announced(peer, 1100, 7);
  node.on({ type: "timer", timer: "fetch", round: 0, now: 1e6 });
  const late = node.on({ type: "mixed", round: 0, now: 1e6 });

  // Both have announced round 8 (7 from 0): nothing is trained or announced for it, and theirs is fetched.
  expect(kinds(late).filter((kind) => kind === "train" || kind === "announce")).toEqual([]);
  expect(node.state).toMatchObject({ round: 8, phase: "commit", adopting: true });
  for (const peer of ["a", "b"]) node.announced(peer, 1e6 + 10, 8);
  for (const peer of ["a", "b"]) node.on({ type: "fetched", peer, round: 8, now: 1e6 + 20 });
  expect(node.effects.at(-1)).toEqual({ type: "adopt", round: 8, peers: ["a", "b"] });
  expect(kinds(node.on({ type: "mixed", round: 8, now: 1e6 + 30 }))).toContain("train");
  expect(node.state).toMatchObject({ round: 9, adopting: false });
});

test("announcing ahead cannot fill the memory nor push out the current round", () => {
  const node = new Node(["a"], undefined, 0, 1_000_000);
  node.on({ type: "started", now: 0 });
  node.announced("a", 1, 0);
  for (let round = 1; round < 5000; round += 1) node.announced("a", 2, round);

  expect(node.state.neighbours.get("a")?.arrivals.length).toBe(8);
  expect(view(node.state).announced).toEqual(["a"]);
});

test("strangers, rounds outside the run and echoes change nothing", () => {
  const node = started(["a"]);
  const before = node.state;

  for (const [peer, round] of [
    ["x", 0],
    ["me", 0],
    ["a", 10],
    ["a", -1],
    ["a", 0.5],
    ["a", Number.NaN],
  ] as const) {
    expect(node.announced(peer, 5, round)).toEqual([]);
  }
  expect(node.state).toBe(before);
});

test("a reason that proves a fault becomes evidence; one that may be the line's does not, without a quorum", () => {
  for (const [reason, expected] of [
    ["digest-mismatch", ["digest-mismatch a"]],
    ["unreachable", []],
  ] as const) {
    const node = started(["a"]);
    node.announced("a", 10);
    node.trained(1000);
    node.on({ type: "fetch-failed", peer: "a", round: 0, reason, now: 1100 });
    const seen = kinds(node.on({ type: "mixed", round: 0, now: 1200 }));
    expect(seen.slice(0, -2)).toEqual(expected);
  }
});

test("a timer of another round, another phase or long before its deadline closes nothing", () => {
  const node = started(["a", "b", "c"]);
  node.trained(1000);
  node.announced("a", 1100);
  node.announced("b", 1100);
  const { phase } = node.state;

  node.on({ type: "timer", timer: "fetch", round: 0, now: 1e9 });
  node.on({ type: "timer", timer: "commit", round: 5, now: 1e9 });
  // Set again rather than lost: a stale timer must not be the last one.
  expect(kinds(node.on({ type: "timer", timer: "commit", round: 0, now: 1500 }))).toEqual([
    "start-timer",
  ]);
  expect(node.state.phase).toBe(phase);
});

test("nobody is left alone with the rounds: without a word from others a commit has no deadline", () => {
  const node = started(["a", "b", "c"]);

  expect(kinds(node.trained(1000))).toEqual(["announce"]);
  expect(view(node.state)).toMatchObject({ waitingFor: ["a", "b", "c"], deadline: null });
  node.on({ type: "timer", timer: "commit", round: 0, now: 1e12 });
  expect(node.state.phase).toBe("commit");
});

test("round 0 waits for a quorum of all members, and later rounds do not wait for ever", () => {
  const node = started(["a", "b", "c", "d"]);
  node.trained(1000);

  // Of five members two more are a quorum.
  node.announced("a", 1100);
  expect(view(node.state)).toMatchObject({ deadline: null });
  node.announced("b", 1200);
  expect(view(node.state).deadline).toBeGreaterThan(1200);
});

test("a run that two others are well into does not wait for its beginning", () => {
  const node = started(["a", "b", "c", "d"]);
  node.trained(1000);

  node.announced("a", 1100, 7);
  expect(view(node.state).deadline).toBeNull();
  node.announced("b", 1100, 7);
  // Two voices show the way; what they announced is two rounds ahead and more.
  expect(node.state.phase).not.toBe("commit");
});

test("one voice takes nobody to a far round, whatever b is", () => {
  const node = started(["a", "b", "c"], 0);
  node.trained(1000);
  node.announced("a", 1100, 9);
  node.announced("b", 1200);
  node.announced("c", 1200);
  for (const peer of ["b", "c"]) node.on({ type: "fetched", peer, round: 0, now: 1300 });
  expect(node.state.phase).toBe("mix");
  node.on({ type: "mixed", round: 0, now: 1400 });

  expect(node.state.round).toBe(1);
});

test("work that was not asked for is a bug of the driver", () => {
  expect(() => started(["a"]).on({ type: "mixed", round: 0, now: 1 })).toThrow();
  expect(() => started(["a"]).trained(1, 4)).toThrow();
});
