import { expect, test } from "vitest";
import { configSchema } from "../../../../src/node/config/config.ts";
import { PayloadPool } from "../../../../src/node/peer/agreed/payload-pool.ts";
import type { PeerParts } from "../../../../src/node/peer/peer-parts.ts";
import { VirtualTime } from "../../../../testnet/simulation/virtual-time.ts";

type Outcome = Awaited<ReturnType<PeerParts["network"]["fetch"]>>;

const MISSING: Outcome = { ok: false, failure: "missing", detail: "" };
const FOUND: Outcome = { ok: true, bytes: Uint8Array.of(1) };
const WANTED = { payload: "f".repeat(64), bytes: 1 };
const HOLDERS = ["a", "b", "c", "d"];

/** Fetches from peers that answer after a while; who was asked, and when. */
function pulling(answers: Readonly<Record<string, readonly [number, Outcome]>>) {
  const time = new VirtualTime();
  const asked: (readonly [string, number])[] = [];
  const clock = {
    after: (ms: number, run: () => void) => {
      let isOff = false;
      time.after(ms, () => {
        if (!isOff) run();
      });
      return () => {
        isOff = true;
      };
    },
  };
  const network = {
    fetch: (peer: string) => {
      asked.push([peer, time.now]);
      const [ms, outcome] = answers[peer] ?? [0, MISSING];
      return new Promise<Outcome>((end) => time.after(ms, () => end(outcome)));
    },
    hold: () => undefined,
    open: () => undefined,
  };
  const metrics = { fetches: { inc: () => undefined } };
  const parts = { config: configSchema.parse({}), metrics, network, clock };
  const pool = new PayloadPool(parts as unknown as PeerParts, new AbortController().signal);
  return async () => {
    let endedAt = -1;
    const outcome = pool.fetch(WANTED, HOLDERS).finally(() => {
      endedAt = time.now;
    });
    time.after(0, () => undefined);
    await time.run(600_000, () => endedAt >= 0);
    return { reason: await outcome, endedAt, asked };
  };
}

test("who has nothing gives way to the next at once", async () => {
  const { reason, endedAt, asked } = await pulling({})();

  expect(reason).toBe("missing");
  expect(asked.map(([peer]) => peer)).toEqual(HOLDERS);
  // with a wait for each it was six seconds, for each payload of a cut
  expect(endedAt).toBe(0);
});

test("who is silent gives way after a while, and nobody is asked who is not needed", async () => {
  const { reason, endedAt, asked } = await pulling({ a: [60_000, FOUND], b: [100, FOUND] })();

  expect(reason).toBeNull();
  expect(asked).toEqual([
    ["a", 0],
    ["b", 2000],
  ]);
  expect(endedAt).toBe(2100);
});
