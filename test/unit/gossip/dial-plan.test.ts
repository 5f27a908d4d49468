import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backOffMs, DialPlan } from "../../../src/gossip/connections/dial-plan.ts";

const half = { baseMs: 1000, maxMs: 30_000, random: () => 0.5 };
const plan = (capacity = 10) => new DialPlan(half, capacity);
const peersOf = (dials: readonly { peer: string }[]) => dials.map(({ peer }) => peer);

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
    dials.learn("a", ["/x"], 0);
    expect(dials.nextDue()).toBe(500);
    expect(dials.take(499, 9)).toEqual([]);
    expect(dials.take(500, 9)).toEqual([{ peer: "a", addresses: ["/x"] }]);
    expect(dials.take(500, 9)).toEqual([]);
    expect(dials.nextDue()).toBeNull();
  });

  it("waits longer after every failure", () => {
    const dials = plan();
    dials.learn("a", ["/x"], 0);
    dials.take(500, 9);
    dials.lost("a", 1000);
    expect(dials.nextDue()).toBe(1750);
    dials.take(1750, 9);
    dials.lost("a", 2000);
    expect(dials.nextDue()).toBe(3500);
  });

  it("redials a lost peer at once after a good connection, and ever later after short ones", () => {
    const dials = plan();
    dials.learn("a", ["/x"], 0);
    const dropAfter = (now: number, lasted: number) => {
      dials.connected("a", now);
      dials.lost("a", now + lasted);
      return (dials.nextDue() ?? 0) - (now + lasted);
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
    for (const [index, peer] of ["c", "a", "b"].entries()) dials.learn(peer, ["/x"], index);
    expect(peersOf(dials.take(10_000, 2))).toEqual(["c", "a"]);
    expect(peersOf(dials.take(10_000, 2))).toEqual(["b"]);
    expect(dials.take(10_000, -1)).toEqual([]);
  });

  it("lets the other side dial first where it is told to be patient", () => {
    const dials = plan();
    dials.learn("a", ["/x"], 0, { patient: true });
    // (0.5 + 10) pauses of a second
    expect(dials.nextDue()).toBe(10_500);
  });

  it("leaves connected peers alone", () => {
    const dials = plan();
    dials.learn("a", ["/x"], 0);
    dials.connected("a", 1);
    dials.learn("a", ["/y"], 2);
    expect(dials.take(1e9, 9)).toEqual([]);
  });

  it("keeps eight addresses of a peer, the operator's first and for good", () => {
    const dials = plan();
    dials.learn("a", ["/operator"], 0, { pinned: true });
    for (let index = 0; index < 50; index += 1) dials.learn("a", [`/${index}`], 0);
    expect(dials.addressesOf("a")).toHaveLength(8);
    expect(dials.addressesOf("a")[0]).toBe("/operator");
    dials.learn("b", ["/old"], 0);
    for (let index = 0; index < 50; index += 1) dials.learn("b", [`/${index}`], 0);
    expect(dials.addressesOf("b")).toEqual([
      "/49",
      "/48",
      "/47",
      "/46",
      "/45",
      "/44",
      "/43",
      "/42",
    ]);
  });

  it("is bounded: the learnt peer that fails most gives way, the operator's never", () => {
    const dials = plan(3);
    dials.learn("operator", ["/x"], 0, { pinned: true });
    dials.learn("bad", ["/x"], 0);
    dials.learn("good", ["/x"], 0);
    for (const peer of ["operator", "bad"]) dials.lost(peer, 0);
    dials.learn("new", ["/x"], 0);
    expect(peersOf(dials.book()).sort()).toEqual(["good", "new", "operator"]);
    for (let index = 0; index < 1000; index += 1) dials.learn(`peer ${index}`, ["/x"], 0);
    expect(dials.book()).toHaveLength(3);
    expect(peersOf(dials.book())).toContain("operator");
  });

  it("ignores what concerns a stranger, or a peer without an address", () => {
    const dials = plan();
    dials.learn("a", [], 0);
    dials.connected("a", 0);
    dials.lost("a", 0);
    dials.forget("a");
    expect(dials.book()).toEqual([]);
    expect(dials.nextDue()).toBeNull();
  });
});
