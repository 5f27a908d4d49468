import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CodecName, codecByName } from "../../../../src/consensus/index.ts";
import {
  type AgreedMemory,
  agreedUpdates,
  keptMemory,
  restoredMemory,
} from "../../../../src/consensus/update/agreed-updates.ts";

const LENGTH = 12;
const updates = agreedUpdates(codecByName("int8"));
const exact = agreedUpdates(codecByName("float32"));
const fresh = (theta = new Float32Array(LENGTH)): AgreedMemory => restoredMemory(theta);
const vector = fc.float32Array({
  ...{ minLength: LENGTH, maxLength: LENGTH, noNaN: true },
  ...{ min: -1, max: 1 },
});
const plus = (a: Float32Array, b: Float32Array) => a.map((at, i) => at + (b[i] ?? 0));
const total = (values: Float32Array) => values.reduce((sum, at) => sum + Math.abs(at), 0);

/** How far off what readers sum up is when the same step is taken many times. */
function drift(name: CodecName, step: Float32Array, rounds: number, forget: boolean): Float32Array {
  const coded = agreedUpdates(codecByName(name));
  let memory = fresh(new Float32Array(step.length));
  let read = new Float32Array(step.length);
  for (let round = 0; round < rounds; round++) {
    const made = coded.offer(memory, plus(memory.theta, step), 0);
    const decoded = coded.read(made.payload, step.length, 0);
    if (decoded.verdict !== "accept") throw new Error("an own payload is sound");
    read = plus(read, decoded.value.values);
    const after = coded.settle(memory, made, "counted");
    memory = forget ? { ...after, feedback: null } : after;
  }
  return read.map((at, i) => at - rounds * (step[i] ?? 0));
}

describe("updates of mode agreed", () => {
  it("lose nothing for good: what the codec leaves out comes with the next", () => {
    const step = Float32Array.from({ length: LENGTH }, (_, i) => (i === 0 ? 1 : 0.003));
    expect(total(drift("int8", step, 40, false))).toBeLessThan(0.1);
    // without the feedback the same loss adds up (control)
    expect(total(drift("int8", step, 40, true))).toBeGreaterThan(0.5);
  });

  it.each(["int4", "int2", "sign"] as const)("lose nothing for good with %s either", (name) => {
    const step = Float32Array.from({ length: 3000 }, (_, i) => Math.sin(i * i) + Math.sin(7 * i));
    const lost = (forget: boolean) =>
      Math.hypot(...drift(name, step, 40, forget)) / Math.hypot(...step);
    // a codec that keeps the share c of the energy leaves at most sqrt(1 - c) / (1 - sqrt(1 - c)) of an update behind
    expect(lost(false)).toBeLessThan(2);
    // without the feedback the same loss adds up (control)
    expect(lost(true)).toBeGreaterThan(3);
  });

  it("tell what was trained from theta, and are read with their norm", () => {
    fc.assert(
      fc.property(vector, vector, (theta, step) => {
        const made = exact.offer(fresh(theta), plus(theta, step), 0);
        const read = exact.read(made.payload, LENGTH, 0);
        expect(read.verdict).toBe("accept");
        if (read.verdict !== "accept") return;
        expect(read.value.values).toEqual(made.update);
        expect(read.value.norm).toBeCloseTo(Math.hypot(...made.update), 5);
      }),
    );
  });

  it("count in full, come back whole, or are dropped, by what became of them", () => {
    fc.assert(
      fc.property(vector, (step) => {
        const memory = fresh();
        const made = updates.offer(memory, step, 0);
        const counted = updates.settle(memory, made, "counted");
        expect(counted.progress).toBeNull();
        const left = updates.settle(memory, made, "left-out");
        expect(left.feedback).toBeNull();
        expect(updates.start(left)).toEqual(step.map((at) => at + 0));
        expect(updates.settle(memory, made, "unsound")).toEqual(fresh());
      }),
    );
  });

  it("keep what was learnt without a quorum beyond the update, whatever becomes of that", () => {
    const extra = new Float32Array(LENGTH).fill(0.5);
    const step = new Float32Array(LENGTH).fill(1);
    const memory = exact.trainOn(fresh(), step, plus(step, extra));
    const made = exact.offer(memory, step, 0);
    expect(exact.start(exact.settle(memory, made, "counted"))).toEqual(extra);
    expect(exact.start(exact.settle(memory, made, "left-out"))).toEqual(plus(step, extra));
  });

  it("are cut to four times the last norm, and unsound beyond eight times", () => {
    const long = new Float32Array(LENGTH).fill(10);
    const { update, payload } = exact.offer(fresh(), long, 1);
    expect(Math.hypot(...update)).toBeCloseTo(4, 5);
    expect(exact.read(payload, LENGTH, 1).verdict).toBe("accept");
    expect(exact.read(payload, LENGTH, 0.4)).toEqual({ verdict: "reject", reason: "too-large" });
  });

  it("take any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(["accept", "reject"]).toContain(updates.read(bytes, LENGTH, 1).verdict);
      }),
    );
  });

  it("are kept on disk and come back", () => {
    const [progress, velocity] = [2, 3].map((at) => new Float32Array(LENGTH).fill(at));
    const memory: AgreedMemory = {
      ...fresh(),
      progress: progress ?? null,
      velocity: velocity ?? null,
    };
    expect(restoredMemory(memory.theta, keptMemory(memory))).toEqual(memory);
  });
});
