import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Slot, TransferSlots } from "../../../../src/gossip/payloads/transfer-slots.ts";

const TURN_MS = 5000;
const limits = { total: 4, perPeer: 2, turnMs: TURN_MS };

/** Slots that these peers have taken, one after the other at time 0. */
function taken(...peers: readonly string[]): { slots: TransferSlots; held: readonly Slot[] } {
  const slots = new TransferSlots(limits);
  const held = peers.map((peer) => slots.take(peer, 0) as Slot);
  expect(held).not.toContain(null);
  return { slots, held };
}

const ended = (held: readonly Slot[]) => held.map(({ signal }) => signal.aborted);

describe("a slot for a transfer", () => {
  it("is given to each peer as often as it may have some", () => {
    const { slots } = taken("a", "a", "b");
    expect(slots.take("a", 0)).toBeNull();
    expect(slots.take("b", 0)).not.toBeNull();
  });

  it("goes from whoever has most, its oldest first, to a peer that has none", () => {
    const { slots, held } = taken("b", "a", "a", "c");
    expect(slots.take("d", 0)).not.toBeNull();
    expect(ended(held)).toEqual([false, true, false, false]);
    // now everybody has one
    expect(slots.take("e", 0)).toBeNull();
    expect(slots.take("e", TURN_MS)).not.toBeNull();
    expect(ended(held)).toEqual([true, true, false, false]);
  });

  it("does not go to a peer that has one", () => {
    const { slots } = taken("a", "a", "b", "c");
    expect(slots.take("b", TURN_MS)).toBeNull();
  });

  it("stays where nobody is to give way", () => {
    const slots = new TransferSlots({ ...limits, turnMs: Number.POSITIVE_INFINITY });
    for (const peer of ["a", "a", "b", "b"]) slots.take(peer, 0);
    expect(slots.take("c", 1e9)).toBeNull();
  });

  it("is free again when the transfer is over, and only once", () => {
    const { slots, held } = taken("a", "a", "b", "b");
    const [first] = held as [Slot];
    slots.release(first);
    slots.release(first);
    expect(slots.take("b", 0)).toBeNull();
    expect(slots.take("c", 0)).not.toBeNull();
    expect(ended(held)).toEqual([false, false, false, false]);
  });

  it("is had by everybody who comes again within its turns, whatever the others do", () => {
    const greedy = fc.array(fc.constantFrom("m1", "m2", "m3", "m4", "m5", "m6"), { minLength: 40 });
    fc.assert(
      fc.property(greedy, (comers) => {
        const slots = new TransferSlots(limits);
        for (const comer of comers) slots.take(comer, 0);
        expect(slots.take("honest", TURN_MS)).not.toBeNull();
      }),
    );
  });
});
