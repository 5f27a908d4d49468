import { describe, expect, test } from "vitest";
import type { HeldPayload } from "../../../../src/consensus/index.ts";
import {
  ALL,
  announced,
  BYTES,
  ballot,
  blockOf,
  certificate,
  list,
  NAME,
  Node,
  proposal,
  ROSTER,
  signed,
} from "../../../support/agreed-node.ts";

describe("a node of mode agreed that starts again", () => {
  test("keeps to what it said in a late view, and finalizes nothing that it nullified", () => {
    const nullified = signed("a", { ...NAME, kind: "nullify", view: 12, block: null });
    const below = Array.from({ length: 12 }, (_, view) => certificate("nullify", view, null));
    const node = new Node().start([nullified], below);

    node.hear({ type: "certificate", certificate: certificate("notarize", 12, "A") });

    expect(node.state.height.simplex.view).toBe(13);
    expect(node.kinds()).not.toContain("finalize");
  });

  test("does not propose a second time in a late view", () => {
    const below = Array.from({ length: 13 }, (_, view) => certificate("nullify", view, null));
    const said = proposal(13, "A", blockOf(["a", "b", "c"].map((peer) => ballot(peer, ALL))));
    const node = new Node().start([said], below);

    node.now = 600_000;
    node.told(...["a", "b", "c", "d"].map((peer) => ballot(peer, [])));
    node.hear({ type: "timer", timer: "repeat", round: 0 });

    expect(node.state.height.simplex.view).toBe(13);
    expect(node.asked.filter(({ type }) => type === "propose")).toEqual([]);
  });

  test("says nothing before it knows what it said", () => {
    const held = certificate("nullify", 0, null);
    const node = new Node();
    for (const other of ["b", "c", "d"]) {
      node.hear({ type: "presence", peer: other, isThere: true }).hear(announced(other));
    }
    node.told(list("b", ALL), list("c", ALL), list("d", ALL));
    node.hear({ type: "certificate", certificate: held });
    node.hear({ type: "certificate", certificate: certificate("notarize", 1, "A") });
    expect(node.asked).toEqual([]);

    node.start([signed("a", { ...NAME, kind: "nullify", view: 1, block: null })]);

    expect(node.kinds()).toEqual(["list"]);
    expect(node.state.height.simplex.view).toBe(2);
  });

  test("asks for the chain however often it is told that its height is over", () => {
    const node = new Node().start();
    for (const peer of ["b", "c", "d"]) node.hear({ type: "presence", peer, isThere: true });

    for (const now of [0, 400, 800]) {
      node.now = now;
      node.hear({ type: "certificate", certificate: certificate("finalize", 0, "A") });
    }
    node.now = 1000;
    node.hear({ type: "timer", timer: "catch-up", round: 0 });

    expect(node.asked.filter(({ type }) => type === "catch-up")).toHaveLength(1);
  });

  test("signs no list for a height whose end it has", () => {
    const block = blockOf(["b", "c", "d"].map((peer) => ballot(peer, ALL)));
    const node = new Node();
    for (const other of ["b", "c", "d"]) {
      node.hear({ type: "presence", peer: other, isThere: true });
    }
    node.start();
    const link = { block, digest: "A", certificate: certificate("finalize", 0, "A") };
    node.hear({ type: "chained", links: [link] });
    for (const other of ["b", "c", "d"]) node.hear(announced(other));
    node.now = 600_000;
    for (const timer of ["list", "open", "fetch"] as const) {
      node.hear({ type: "timer", timer, round: 0 });
    }

    expect(node.kinds()).toEqual([]);
  });
});

describe("what an author of mode agreed may do to others", () => {
  test("whoever holds lists before it reaches a quorum opens later, and ballots", () => {
    const node = new Node().start();
    for (const other of ["b", "c", "d"]) node.hear(announced(other));
    node.told(list("b", ALL), list("c", ALL), list("d", ALL));
    node.now = 20_000;
    for (const timer of ["open", "fetch"] as const) node.hear({ type: "timer", timer, round: 0 });
    expect(node.asked.filter(({ type }) => type === "open")).toEqual([]);

    node.hear({ type: "presence", peer: "b", isThere: true });
    node.hear({ type: "presence", peer: "c", isThere: true }).perform();

    expect(node.asked.filter(({ type }) => type === "open")).toHaveLength(1);
    const asked = node.asked.flatMap((effect) => (effect.type === "fetch" ? [effect] : []));
    expect(asked.map(({ payload }) => payload.payload)).toEqual(["of b", "of c", "of d"]);
  });

  test("another payload announced to each keeps nobody from proposing", () => {
    const node = new Node("d").start();
    const of = (payload: string) =>
      ALL.map((each) => (each.place === 1 ? { ...each, payload } : each));
    for (const other of ["a", "c"]) node.hear(announced(other));
    node.hear(announced("b", "x")).hear(announced("b", "y")).hear(announced("b", "z"));
    node.told(ballot("d", of("x")), ballot("a", of("y")), ballot("c", of("z")));
    node.now = 600_000;
    node.hear({ type: "timer", timer: "propose", round: 0 });
    const asked = node.asked.flatMap((effect) => (effect.type === "fetch" ? [effect] : []));
    for (const { payload } of asked) node.hear({ type: "fetched", payload: payload.payload });

    const cut = node.asked.flatMap((effect) => (effect.type === "compute" ? effect.cut : []));
    expect(cut.map(({ place }) => place)).toEqual([0, 2, 3]);
  });

  test("an announcement of another size is none", () => {
    const node = new Node().start().hear(announced("b", "of b", 2 * BYTES));

    expect(node.state.height.arrivals.has(1)).toBe(false);
  });

  test("sizes that a block makes up cost no time: it is no block", () => {
    const payloads = ALL.map((each) => ({ ...each, bytes: 2 ** 40 }));
    const ballots = ["b", "c", "d"].map((peer) => ballot(peer, ALL));
    const node = new Node().start().told(...ballots);

    node.told(proposal(0, "A", blockOf(ballots, { payloads })));

    expect(node.kinds()).toEqual(["nullify"]);
    expect(node.state.height.extension).toBeNull();
  });

  test("what a block wants fetched gives its view more time, by what counts alone", () => {
    const lone = { place: 3, payload: "of nobody" };
    const ballots = ["b", "c"].map((peer) => ballot(peer, ALL));
    const lie = ballot("d", [...ALL.slice(0, 3), lone]);
    const payloads = [...ALL.slice(0, 3), lone, ...ALL.slice(3)].map((each) => ({
      ...{ ...each, bytes: BYTES },
    }));
    const sorted = payloads.toSorted(
      (a, b) => a.place - b.place || (a.payload < b.payload ? -1 : 1),
    );
    const node = new Node().start().told(...ballots, lie);

    node.told(proposal(0, "A", blockOf([...ballots, lie], { payloads: sorted })));

    expect(node.state.height.extension?.ms).toBeCloseTo((1000 * 4 * BYTES) / 1_048_576, 6);
  });

  test("a payload that nobody has any more leaves the cut when it is late", () => {
    const three = ALL.slice(0, 3);
    const node = new Node("d").start();
    for (const other of ["a", "b", "c"]) node.hear(announced(other));
    // b and c held it: c has lost it, b serves nobody
    node.told(ballot("a", [...three.slice(0, 1), ...three.slice(2), ALL[3] as HeldPayload]));
    node.told(
      ballot("b", ALL),
      ballot("c", ALL),
      ballot("d", [...three.filter(({ place }) => place !== 1), ALL[3] as HeldPayload]),
    );
    for (const payload of ["of a", "of c", "of d"]) node.hear({ type: "fetched", payload });
    node.hear({ type: "fetch-failed", payload: "of b", reason: "unreachable" });
    node.now = 900;
    node.hear({ type: "timer", timer: "propose", round: 0 });
    node.hear({ type: "fetch-failed", payload: "of b", reason: "unreachable" });
    node.now = 1000;
    node.hear({ type: "timer", timer: "repeat", round: 0 });

    const cut = node.asked.flatMap((effect) => (effect.type === "compute" ? effect.cut : []));
    expect(cut.map(({ place }) => place)).toEqual([0, 2, 3]);
  });
});

test("the time of views follows those of others, less own fetching and mixing", () => {
  const node = new Node().start();
  const ballots = ROSTER.map((peer) => ballot(peer, ALL));
  node.told(...ballots);
  node.now = 300;
  const block = blockOf(ballots);
  node.told(proposal(0, "A", block));
  node.now = 800;
  for (const { payload } of ALL) node.hear({ type: "fetched", payload });
  node.now = 1100;
  const outcome = { cut: ALL, checkpoint: "after", norm: 4 };
  node.hear({ type: "computed", round: 0, outcome });
  node.now = 1200;
  node.hear({ type: "certificate", certificate: certificate("notarize", 0, "A") });

  expect(node.state.mixingMs).toBe(300);
  expect(node.state.height.viewTook).toBe(400);
});

test("a block that is voted for is on disk before the vote, and is there again after a restart", () => {
  const ballots = ["b", "c", "d"].map((peer) => ballot(peer, ALL));
  const node = new Node().start().told(...ballots);
  const proposed = proposal(0, "A", blockOf(ballots));
  node.told(proposed);
  for (const { payload } of ALL) node.hear({ type: "fetched", payload });
  node.hear({ type: "computed", round: 0, outcome: { cut: ALL, checkpoint: "after", norm: 4 } });

  const types = node.asked.map(({ type }) => type);
  expect(node.asked.flatMap((effect) => (effect.type === "keep" ? [effect.kept] : []))).toEqual([
    proposed,
  ]);
  expect(types.indexOf("keep")).toBeLessThan(types.indexOf("send"));

  const again = new Node().start([proposed, ...node.sent().map((said) => signed("a", said))]);
  again.hear({ type: "certificate", certificate: certificate("finalize", 0, "A") });
  expect(again.asked.filter(({ type }) => type === "conclude")).toHaveLength(1);
});

describe("patience of mode agreed", () => {
  /** Misses at node a after heights that all have d in the cut, and in which these hold it. */
  function missesAfter(...heights: readonly (readonly string[])[]) {
    const node = new Node();
    for (const other of ["b", "c", "d"]) {
      node.hear({ type: "presence", peer: other, isThere: true });
    }
    node.start();
    for (const [height, holders] of heights.entries()) {
      const ballots = ROSTER.map((peer) =>
        ballot(peer, holders.includes(peer) ? ALL : ALL.slice(0, 3)),
      );
      const { parent } = node.state.head;
      const block = { ...blockOf(ballots), height, parent };
      const link = { block, digest: `${height}`, certificate: certificate("finalize", 0, "A") };
      node.hear({ type: "chained", links: [link] });
      node.hear({ type: "concluded", round: height, links: [link] });
    }
    return node.state.patience.map(({ misses }) => misses);
  }

  test("ends with a member that announces in time to fewer than a quorum, though it is in every cut", () => {
    const few = ["a", "d"];
    expect(missesAfter(few)).toEqual([0, 0, 0, 1]);
    expect(missesAfter(few, few)).toEqual([0, 0, 0, 2]);
    // nobody waits for it any more
    expect(missesAfter(few, few, few)).toEqual([0, 0, 0, 2]);
  });

  test("does not end with one that a quorum holds (control)", () => {
    const quorum = ["a", "c", "d"];
    expect(missesAfter(quorum, quorum, quorum)).toEqual([0, 0, 0, 0]);
  });
});

test("the first heights alone do not make views long", () => {
  const node = new Node().start();
  node.state = { ...node.state, viewTimes: [60_000, 60_000] };
  node.told(...ROSTER.map((peer) => ballot(peer, ALL)));

  expect(node.state.timers.get("view")).toBe(1000);
});
