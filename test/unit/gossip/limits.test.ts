import { describe, expect, it } from "vitest";
import { Membership } from "../../../src/gossip/connections/membership.ts";
import { TokenBuckets } from "../../../src/gossip/connections/token-bucket.ts";
import { Semaphore } from "../../../src/gossip/payloads/semaphore.ts";
import { StallGuard } from "../../../src/gossip/payloads/stall-guard.ts";

const never = new AbortController().signal;

async function held(semaphore: Semaphore): Promise<() => void> {
  const release = await semaphore.acquire(never);
  if (typeof release === "string") throw new Error(release);
  return release;
}

describe("a semaphore", () => {
  it("lets two through, two wait in order, and turns the fifth away", async () => {
    const semaphore = new Semaphore(2, 2);
    const first = await held(semaphore);
    await held(semaphore);
    const order: string[] = [];
    const queue = async (name: string) => {
      const release = await held(semaphore);
      order.push(name);
      return release;
    };
    const third = queue("third");
    const fourth = queue("fourth");
    expect(await semaphore.acquire(never)).toBe("full");
    first();
    // giving back twice gives one permit
    first();
    (await third)();
    await fourth;
    expect(order).toEqual(["third", "fourth"]);
  });

  it("forgets a waiter whose signal aborts, and keeps its permit", async () => {
    const semaphore = new Semaphore(1, 5);
    const release = await held(semaphore);
    const controller = new AbortController();
    const waiting = semaphore.acquire(controller.signal);
    controller.abort();
    expect(await waiting).toBe("aborted");
    expect(await semaphore.acquire(controller.signal)).toBe("aborted");
    release();
    (await held(semaphore))();
  });

  it("passes a permit on that came in the same tick as the abort", async () => {
    const semaphore = new Semaphore(1, 5);
    const release = await held(semaphore);
    const controller = new AbortController();
    const aborted = semaphore.acquire(controller.signal);
    const next = held(semaphore);
    controller.abort();
    release();
    expect(await aborted).toBe("aborted");
    (await next)();
  });
});

describe("token buckets", () => {
  it("allow a burst, then one for each pause, for every peer by itself", () => {
    const buckets = new TokenBuckets({ burst: 3, refillMs: 100 });
    const taken = [0, 0, 0, 0, 50, 100, 100, 1000, 1000, 1000, 1000].map((now) =>
      buckets.take("a", now),
    );
    expect(taken).toEqual([true, true, true, false, false, true, false, true, true, true, false]);
    expect(buckets.take("b", 1000)).toBe(true);
  });

  it("remember a bounded number of peers", () => {
    const buckets = new TokenBuckets({ burst: 1, refillMs: 1e9 });
    for (let peer = 0; peer < 5000; peer += 1) buckets.take(String(peer), 0);
    // the newest 4096 are known and have nothing left; the oldest are forgotten and start anew
    expect(buckets.take("4999", 0)).toBe(false);
    expect(buckets.take("0", 0)).toBe(true);
  });
});

describe("membership", () => {
  it("admits members, or anyone, or nobody", () => {
    const now = () => 0;
    expect(new Membership(["a"], now).admits("a")).toBe(true);
    expect(new Membership(["a"], now).admits("b")).toBe(false);
    expect(new Membership("anyone", now).admits("b")).toBe(true);
    expect(new Membership([], now).admits("a")).toBe(false);
  });

  it("refuses a member for a while, or for good, and a short refusal does not shorten a long one", () => {
    let now = 0;
    const membership = new Membership(["a", "b"], () => now);
    membership.refuse("a", 100);
    membership.refuse("b", Number.POSITIVE_INFINITY);
    membership.refuse("b", 100);
    expect(membership.admits("a")).toBe(false);
    now = 101;
    expect(membership.admits("a")).toBe(true);
    expect(membership.admits("b")).toBe(false);
    expect(membership.isMember("b")).toBe(true);
  });
});

describe("a stall guard", () => {
  it("aborts when nothing comes", async () => {
    const guard = new StallGuard(20, 1000);
    await new Promise((resolve) => guard.signal.addEventListener("abort", resolve));
    expect(guard.stalled).toBe(true);
    guard.end();
  });

  it("is not fooled by a trickle, and lets a steady flow and an excuse pass", async () => {
    const trickle = new StallGuard(20, 1000);
    const steady = new StallGuard(20, 1000);
    const excused = new StallGuard(20, 1000);
    const feed = setInterval(() => {
      trickle.progress(1);
      steady.progress(1000);
      excused.excuse();
    }, 2);
    await new Promise((resolve) => trickle.signal.addEventListener("abort", resolve));
    expect(steady.stalled).toBe(false);
    expect(excused.stalled).toBe(false);
    clearInterval(feed);
    for (const guard of [trickle, steady, excused]) guard.end();
  });
});
