import { describe, expect, test } from "vitest";
import { codecByName, differencesToStart } from "../../../../src/consensus/index.ts";
import { configSchema } from "../../../../src/node/config/config.ts";
import { Collecting } from "../../../../src/node/peer/collecting.ts";
import type { PeerParts } from "../../../../src/node/peer/peer-parts.ts";
import type { PeerState } from "../../../../src/node/peer/peer-state.ts";

type Outcome = Awaited<ReturnType<PeerParts["network"]["fetch"]>>;

const FAILED: Outcome = { ok: false, failure: "missing", detail: "" };

/** Fetches that end when the test says so, and timers that are looked at. */
function collecting() {
  const fetches: { readonly signal: AbortSignal; readonly end: (outcome: Outcome) => void }[] = [];
  const timers: { readonly fire: () => void; isOff: boolean }[] = [];
  const parts = {
    config: configSchema.parse({}),
    updates: differencesToStart(codecByName("int8")),
    initial: new Float32Array(1),
    metrics: { fetches: { inc: () => undefined } },
    network: {
      fetch: (_peer: string, _wanted: object, { signal }: { readonly signal: AbortSignal }) =>
        new Promise<Outcome>((end) => fetches.push({ signal, end })),
    },
    clock: {
      after: (_: number, fire: () => void) => {
        const timer = { fire, isOff: false };
        timers.push(timer);
        return () => {
          timer.isOff = true;
        };
      },
    },
  };
  const round = { fetching: new AbortController(), arrived: new Map(), refused: [] };
  const node = new AbortController();
  const under = new Collecting(
    parts as unknown as PeerParts,
    { round } as unknown as PeerState,
    node.signal,
  );
  const start = (...peers: readonly string[]) =>
    peers.map((peer) =>
      under.fetch({ type: "fetch", round: 0, peer, payload: "f".repeat(64), payloadBytes: 1 }),
    );
  return { fetches, timers, round, node, start };
}

describe("fetches that one step asks for", () => {
  test("share a timer, which is called off with the last of them", async () => {
    const { fetches, timers, start } = collecting();
    const all = start("a", "b", "c");

    for (const { end } of fetches.slice(1)) end(FAILED);
    await Promise.all(all.slice(1));
    expect(timers.map(({ isOff }) => isOff)).toEqual([false]);

    fetches[0]?.end(FAILED);
    expect(await all[0]).toBe("missing");
    expect(timers.map(({ isOff }) => isOff)).toEqual([true]);
  });

  test("end when their time is up, and those of a later step do not", async () => {
    const { fetches, timers, start } = collecting();
    start("a", "b");
    await Promise.resolve();
    start("c");

    timers[0]?.fire();

    expect(fetches.map(({ signal }) => signal.aborted)).toEqual([true, true, false]);
  });

  test.each(["round", "node"] as const)("end with the %s", (which) => {
    const { fetches, start, round, node } = collecting();
    start("a");

    (which === "round" ? round.fetching : node).abort();

    expect(fetches.map(({ signal }) => signal.aborted)).toEqual([true]);
  });
});
