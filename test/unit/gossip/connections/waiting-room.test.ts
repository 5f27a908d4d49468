import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WaitingRoom } from "../../../../src/gossip/connections/waiting-room.ts";

describe("a waiting room", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const turnTwice = () => vi.advanceTimersByTime(1).advanceTimersByTime(1);
  const size = { maxPerHost: 2, maxGuests: 3, silenceMs: 2000, stayMs: 5000 };
  function open() {
    const away: string[] = [];
    const onSentAway = (guest: string, host: string, why: string) =>
      away.push(`${guest} of ${host} ${why}`);
    return { away, room: new WaitingRoom<string>({ size, onSentAway }) };
  }

  it("sends the silent away soon, and the slow later", () => {
    const { away, room } = open();
    room.enter("silent", "x");
    room.enter("slow", "y");
    for (let tick = 0; tick < 60; tick += 1) {
      vi.advanceTimersByTime(100);
      room.heard("slow", 1);
      if (tick === 18) expect(away).toEqual([]);
      if (tick === 19) expect(away).toEqual(["silent of x said nothing"]);
    }
    expect(away).toEqual(["silent of x said nothing", "slow of y took too long"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("has room for who comes, in the place of the neighbour that has said least", () => {
    const { away, room } = open();
    room.enter("a", "x");
    room.enter("b", "x");
    room.heard("a", 10);
    turnTwice();
    expect(room.enter("c", "x")).toBe(true);
    expect(away).toEqual(["b of x made room for another"]);
    room.enter("d", "y");
    turnTwice();
    expect(room.enter("e", "z")).toBe(true);
    expect(away.at(-1)).toBe("c of x made room for another");
  });

  it("sends nobody away whom it had no time to listen to", () => {
    const { away, room } = open();
    const entered = ["a", "b", "c", "d"].map((guest) => room.enter(guest, "x"));
    // more of one host than it may have, until they are heard; never more than there is room for
    expect(entered).toEqual([true, true, true, false]);
    expect(away).toEqual([]);
  });

  it("forgets who leaves", () => {
    const { away, room } = open();
    room.enter("a", "x");
    room.leave("a");
    room.sendAway("a", "is not here");
    expect(room.heard("a", 1)).toBe(0);
    vi.advanceTimersByTime(10_000);
    expect(away).toEqual([]);
  });
});
