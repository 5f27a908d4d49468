import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressOf } from "../../../../src/gossip/connections/address.ts";
import { backOffMs, DialPlan } from "../../../../src/gossip/connections/dial-plan.ts";

const half = { baseMs: 1000, maxMs: 30_000, random: () => 0.5 };
const plan = (capacity = 10) => new DialPlan(half, capacity);
const ADDRESSES = [addressOf("ip4", "1.2.3.4", 7117)];
/** What a peer said of itself, over the Internet. */
const told = (peer: string) =>
  ({ peer, teller: peer, addresses: ADDRESSES, over: "public" }) as const;
const FAILURE = { address: "/ip4/1.2.3.4/tcp/7117", reason: "connection refused", at: 5 };

describe("the pause between attempts", () => {
  it("doubles from the base to the maximum", () => {
    const pauses = [0, 1, 2, 3, 4, 5, 100].map((failures) => backOffMs(failures, half));
    // random 0.5 gives three quarters of 1, 2, 4, 8, 16, 30 and 30 seconds
    expect(pauses).toEqual([750, 1500, 3000, 6000, 12_000, 22_500, 22_500]);
  });

  it("is spread over half of itself, so that peers do not keep step", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(1000), (r, failures) => {
        const pause = backOffMs(failures, { ...half, random: () => r });
        const whole = Math.min(30_000, 1000 * 2 ** Math.min(failures, 30));
        expect(pause).toBeGreaterThanOrEqual(whole / 2);
        expect(pause).toBeLessThan(whole);
      }),
    );
  });
});

describe("a dial plan", () => {
  it("gives out a peer once it is due, and once only", () => {
    const dials = plan();
    dials.learn(told("a"), 0);
    expect(dials.nextDue("learnt")).toBe(500);
    expect(dials.take("learnt", 499, 9)).toEqual([]);
    expect(dials.take("learnt", 500, 9)).toEqual(["a"]);
    expect(dials.take("learnt", 500, 9)).toEqual([]);
    expect(dials.nextDue("learnt")).toBeNull();
  });

  it("waits longer after every failure", () => {
    const dials = plan();
    dials.learn(told("a"), 0);
    dials.take("learnt", 500, 9);
    dials.lost("a", 1000);
    expect(dials.nextDue("learnt")).toBe(1750);
    dials.take("learnt", 1750, 9);
    dials.lost("a", 2000);
    expect(dials.nextDue("learnt")).toBe(3500);
  });

  it("redials a lost peer at once after a good connection, and ever later after short ones", () => {
    const dials = plan();
    dials.learn(told("a"), 0);
    const dropAfter = (now: number, lasted: number) => {
      dials.connected("a", now);
      dials.lost("a", now + lasted);
      return (dials.nextDue("learnt") ?? 0) - (now + lasted);
    };
    // a peer that refuses us after the handshake looks connected for a moment
    expect(dropAfter(1000, 5)).toBe(750);
    expect(dropAfter(2000, 5)).toBe(1500);
    expect(dropAfter(3000, 5)).toBe(3000);
    expect(dropAfter(4000, 60_000)).toBe(750);
  });
});

describe("a dial plan of many peers", () => {
  it("dials who waits longest first, no more than there is room for", () => {
    const dials = plan();
    for (const [index, peer] of ["c", "a", "b"].entries()) dials.learn(told(peer), index);
    expect(dials.take("learnt", 10_000, 2)).toEqual(["c", "a"]);
    expect(dials.take("learnt", 10_000, 2)).toEqual(["b"]);
    expect(dials.take("learnt", 10_000, -1)).toEqual([]);
  });

  it("lets the other side dial first where it is told to be patient", () => {
    const dials = plan();
    dials.learn(told("a"), 0, { patient: true });
    // (0.5 + 10) pauses of a second
    expect(dials.nextDue("learnt")).toBe(10_500);
  });

  it("leaves connected peers alone", () => {
    const dials = plan();
    dials.learn(told("a"), 0);
    dials.connected("a", 1);
    dials.learn(told("a"), 2);
    expect(dials.take("learnt", 1e9, 9)).toEqual([]);
  });

  it("keeps the operator's peers and the others in two rows", () => {
    const dials = plan();
    dials.learn(told("a"), 0);
    dials.learn(told("b"), 0);
    dials.pin("b", ADDRESSES, 0);
    dials.pin("c", ADDRESSES, 0);
    expect(dials.take("operator", 1000, 9)).toEqual(["b", "c"]);
    expect(dials.nextDue("operator")).toBeNull();
    expect(dials.nextDue("learnt")).toBe(500);
    expect(dials.take("learnt", 1000, 9)).toEqual(["a"]);
  });

  it("says how the last attempt failed until the peer is heard", () => {
    const dials = plan();
    dials.learn(told("a"), 0);
    dials.failed("a", FAILURE);
    dials.failed("stranger", FAILURE);
    expect([...dials.failures()]).toEqual([["a", FAILURE]]);
    // a peer that drops this node every time would look well between two drops
    dials.connected("a", 10);
    expect([...dials.failures()]).toEqual([["a", FAILURE]]);
    dials.heard("a");
    dials.heard("stranger");
    expect(dials.failures().size).toBe(0);
  });

  it("says what an address answered while it is silent, for a minute", () => {
    const dials = plan();
    dials.learn(told("a"), 0);
    const said = (address: string, reason: string, at: number) => {
      dials.failed("a", { address, reason, at });
      return dials.failures().get("a")?.reason;
    };
    const [here, there] = ["/ip4/1.2.3.4/tcp/7117", "/ip4/1.2.3.4/tcp/7118"];
    expect(said(here, "no answer in time", 0)).toBe("no answer in time");
    expect(said(here, "connection refused", 1000)).toBe("connection refused");
    expect(said(here, "no answer in time", 60_999)).toBe("connection refused");
    expect(said(here, "no answer in time", 61_000)).toBe("no answer in time");
    expect(said(here, "connection refused", 62_000)).toBe("connection refused");
    expect(said(there, "no answer in time", 62_001)).toBe("no answer in time");
  });

  it("is bounded: the learnt peer that fails most gives way, the operator's never", () => {
    const dials = plan(3);
    dials.pin("operator", ADDRESSES, 0);
    dials.learn(told("bad"), 0);
    dials.learn(told("good"), 0);
    for (const peer of ["operator", "bad"]) dials.lost(peer, 0);
    dials.learn(told("new"), 0);
    const peers = () => dials.book().map(({ peer }) => peer);
    expect(peers().sort()).toEqual(["good", "new", "operator"]);
    for (let index = 0; index < 1000; index += 1) dials.learn(told(`peer ${index}`), 0);
    expect(peers()).toHaveLength(3);
    expect(peers()).toContain("operator");
  });

  it("ignores what concerns a stranger, or a peer without an address", () => {
    const dials = plan();
    dials.learn({ ...told("a"), addresses: [] }, 0);
    dials.learn({ ...told("a"), addresses: [addressOf("ip4", "10.0.0.1", 22)] }, 0);
    dials.connected("a", 0);
    dials.lost("a", 0);
    dials.forget("a");
    expect(dials.book()).toEqual([]);
    expect(dials.nextDue("learnt")).toBeNull();
  });
});
