import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  agreedUpdates,
  CODEC_NAMES,
  codecByName,
  Ranks,
  restoredMemory,
} from "../../../../src/consensus/index.ts";

/** Slices of values in no order, each slice as long as the others. */
const slicesOf = (rank: number, each: number) =>
  Uint16Array.from({ length: rank * each }, (_, i) => (i * 7) % rank);
const RANK = 8;
const EACH = 300;
const LENGTH = RANK * EACH;
const ranks = new Ranks(slicesOf(RANK, EACH));
const theta = new Float32Array(LENGTH);
const step = theta.map((_, i) => Math.sin(i * i) + 0.1);
const ground = { height: 3, norm: 0 };
const terms = { seed: 5, feedback: 1, warmUp: 0 };
const ofRank = (own: number, name: (typeof CODEC_NAMES)[number] = "float32") =>
  agreedUpdates(codecByName(name), terms, { ranks, own });

describe("ranks", () => {
  const cases = fc.record({
    rank: fc.integer({ min: 1, max: 6 }),
    each: fc.integer({ min: 1, max: 20 }),
    low: fc.nat(6),
    high: fc.nat(6),
  });

  it("take slices, and put them back where they were", () => {
    fc.assert(
      fc.property(cases, ({ rank, each, low, high }) => {
        const all = slicesOf(rank, each);
        const some = new Ranks(all);
        const [from, until] = [Math.min(low, high, rank), Math.min(Math.max(low, high), rank)];
        const values = Float32Array.from(all, (_, i) => i + 1);
        const taken = some.take(values, from, until);
        expect([...taken]).toEqual(
          [...values].filter((_, i) => (all[i] ?? 0) >= from && (all[i] ?? 0) < until),
        );
        const back = new Float32Array(values.length);
        some.put(back, taken, from, until);
        expect([...back]).toEqual(
          [...values].map((at, i) => ((all[i] ?? 0) >= from && (all[i] ?? 0) < until ? at : 0)),
        );
      }),
      { seed: 2, numRuns: 100 },
    );
  });

  it("are known by how many values an update has, and no other number is one", () => {
    expect(ranks.most).toBe(RANK);
    const known = Array.from({ length: RANK }, (_, k) => ranks.lengthOf(k + 1));
    expect(known.map((length) => ranks.rankOf(length))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (const length of [0, 1, LENGTH - 1, LENGTH + 1, 2 ** 32 - 1]) {
      expect(ranks.rankOf(length)).toBeNull();
    }
    // below the lowest that a run takes there is none
    const wary = new Ranks(slicesOf(RANK, EACH), 4);
    expect(known.map((length) => wary.rankOf(length))).toEqual([null, null, null, 4, 5, 6, 7, 8]);
    expect(new Ranks(slicesOf(RANK, EACH), 99).rankOf(LENGTH)).toBe(RANK);
    // of values without slices there is one rank, however long they are
    expect(new Ranks(new Uint16Array(9)).rankOf(9)).toBe(1);
    expect(new Ranks(new Uint16Array(9)).rankOf(8)).toBeNull();
  });
});

describe("updates of a lower rank", () => {
  it.each(CODEC_NAMES)("travel in fewer bytes with %s, and everybody reads them alike", (name) => {
    const sizes = [1, 2, 4, 8].map((own) => {
      const { payload, update } = ofRank(own, name).offer(restoredMemory(theta), step, ground);
      expect(payload.length).toBe(codecByName(name).size(ranks.lengthOf(own)));
      const readings = [1, 8].map((reader) => ofRank(reader, name).read(payload, LENGTH, ground));
      expect(readings[1]).toEqual(readings[0]);
      const [read] = readings;
      if (read?.verdict !== "accept") throw new Error("an own payload is sound");
      expect(read.value.rank).toBe(own);
      // nothing is said of what it does not train
      const beyond = [...slicesOf(RANK, EACH)].map((slice) => slice >= own);
      expect([...read.value.values].filter((at, i) => at !== 0 && beyond[i])).toEqual([]);
      expect([...update].filter((at, i) => at !== 0 && beyond[i])).toEqual([]);
      return payload.length;
    });
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
    expect((sizes[3] ?? 0) / (sizes[0] ?? 1)).toBeGreaterThan(1.5);
  });

  it("of the whole rank have the bytes that they have without ranks", () => {
    const plain = agreedUpdates(codecByName("int8"), terms);
    const made = plain.offer(restoredMemory(theta), step, ground);
    expect(ofRank(RANK, "int8").offer(restoredMemory(theta), step, ground)).toEqual(made);
    const read = plain.read(made.payload, LENGTH, ground);
    expect(ofRank(RANK, "int8").read(made.payload, LENGTH, ground)).toMatchObject({
      value: { ...(read.verdict === "accept" ? read.value : {}), rank: RANK },
    });
    // who knows no ranks refuses lower ones
    const low = ofRank(2, "int8").offer(restoredMemory(theta), step, ground);
    expect(plain.read(low.payload, LENGTH, ground)).toMatchObject({ reason: "wrong-shape" });
  });

  it("lose nothing for good: feedback is of the own slices", () => {
    const updates = ofRank(2, "sign");
    const isOwn = [...slicesOf(RANK, EACH)].map((slice) => slice < 2);
    const left = (isForgetful: boolean) => {
      let memory = restoredMemory(theta);
      let read = new Float32Array(LENGTH);
      for (let round = 0; round < 40; round += 1) {
        const at = { height: round, norm: 0 };
        const made = updates.offer(memory, step, at);
        const told = updates.read(made.payload, LENGTH, at);
        if (told.verdict !== "accept") throw new Error("an own payload is sound");
        read = read.map((sum, i) => sum + (told.value.values[i] ?? 0));
        memory = updates.settle(memory, made, "counted");
        if (isForgetful) memory = { ...memory, feedback: null };
      }
      return Math.hypot(...read.map((sum, i) => (isOwn[i] ? sum - 40 * (step[i] ?? 0) : sum)));
    };
    expect(left(false) / Math.hypot(...step)).toBeLessThan(2);
    // without it what is lost adds up (control)
    expect(left(true)).toBeGreaterThan(4 * left(false));
  });

  it("have the norm that as large values everywhere would have: no rank may be longer than another", () => {
    const flat = theta.map(() => 0.5);
    const normOf = (own: number) => {
      const { payload } = ofRank(own).offer(restoredMemory(theta), flat, ground);
      const read = ofRank(own).read(payload, LENGTH, ground);
      return read.verdict === "accept" ? read.value.norm : Number.NaN;
    };
    for (const own of [1, 2, 4, 8]) expect(normOf(own)).toBeCloseTo(Math.hypot(...flat), 4);
    // an own one is cut to four times the norm before, and more than eight times is refused
    const short = { height: 3, norm: Math.hypot(...flat) / 10 };
    const cut = ofRank(2).offer(restoredMemory(theta), flat, short);
    const read = ofRank(2).read(cut.payload, LENGTH, short);
    expect(read.verdict === "accept" ? read.value.norm / short.norm : 0).toBeCloseTo(4, 4);
    const long = ofRank(2).offer(restoredMemory(theta), flat, ground);
    expect(ofRank(2).read(long.payload, LENGTH, short)).toMatchObject({ reason: "too-large" });
  });

  it("are refused where their bytes name another number of values, or lie about it", () => {
    const { payload } = ofRank(2).offer(restoredMemory(theta), step, ground);
    const lying = payload.slice();
    new DataView(lying.buffer).setUint32(8, ranks.lengthOf(4), true);
    expect(ofRank(2).read(lying, LENGTH, ground)).toMatchObject({ reason: "malformed" });
    new DataView(lying.buffer).setUint32(8, 0xffffffff, true);
    expect(ofRank(2).read(lying, LENGTH, ground)).toMatchObject({ reason: "wrong-shape" });
    expect(ofRank(2).read(payload.slice(0, 11), LENGTH, ground)).toMatchObject({
      reason: "malformed",
    });
  });
});
