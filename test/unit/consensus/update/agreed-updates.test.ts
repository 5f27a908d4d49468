import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CODEC_NAMES,
  CODEC_NUMBERS,
  type CodecName,
  codecByName,
} from "../../../../src/consensus/index.ts";
import {
  type AgreedMemory,
  agreedUpdates,
  keptMemory,
  restoredMemory,
} from "../../../../src/consensus/update/agreed-updates.ts";

const LENGTH = 12;
const FIRST = { height: 0, norm: 0 };
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
function drift(
  name: CodecName,
  step: Float32Array,
  rounds: number,
  { forget = false, feedback = 1, warmUp = 0 },
): Float32Array {
  const coded = agreedUpdates(codecByName(name), { seed: 5, feedback, warmUp });
  let memory = fresh(new Float32Array(step.length));
  let read = new Float32Array(step.length);
  for (let round = 0; round < rounds; round++) {
    const ground = { height: round, norm: 0 };
    const made = coded.offer(memory, plus(memory.theta, step), ground);
    const decoded = coded.read(made.payload, step.length, ground);
    if (decoded.verdict !== "accept") throw new Error("an own payload is sound");
    read = plus(read, decoded.value.values);
    const after = coded.settle(memory, made, "counted");
    memory = forget ? { ...after, feedback: null } : after;
  }
  return read.map((at, i) => at - rounds * (step[i] ?? 0));
}

/** What befalls a height: how long what was learnt is, and what becomes of the update. */
interface Happening {
  readonly scale: number;
  readonly outcome: "counted" | "left-out";
  /** Trains on beyond its update. */
  readonly beyond: boolean;
  /** Norm of the last updates that counted; 0 for none yet. */
  readonly norm: number;
}

/** Two long updates in one are cut by it, and all together are not too much to be told later. */
const NORM = 24;

const happening: fc.Arbitrary<Happening> = fc.record({
  scale: fc.constantFrom(0.1, 1, 5),
  outcome: fc.constantFrom("counted", "left-out"),
  beyond: fc.boolean(),
  norm: fc.constantFrom(0, NORM),
});

/** What a member learnt in all, what it told of that, and what it remembers in the end. */
function lived(name: CodecName, happenings: readonly Happening[]) {
  const coded = agreedUpdates(codecByName(name));
  const length = 300;
  let memory = fresh(new Float32Array(length));
  let [learnt, told] = [new Float32Array(length), new Float32Array(length)];
  for (const [height, { scale, outcome, beyond, norm }] of happenings.entries()) {
    const step = (at: number) => learnt.map((_, i) => scale * Math.sin(i * i + 7 * at));
    const state = plus(coded.start(memory), step(height));
    learnt = plus(learnt, step(height));
    const made = coded.offer(memory, state, { height, norm });
    if (beyond) {
      const from = coded.beyond(memory, state);
      memory = coded.trainOn(memory, from, plus(from, step(height + 0.5)));
      learnt = plus(learnt, step(height + 0.5));
    }
    const read = coded.read(made.payload, length, { height, norm: 0 });
    if (outcome === "counted" && read.verdict === "accept") told = plus(told, read.value.values);
    memory = coded.settle(memory, made, outcome);
  }
  return { learnt, told, memory };
}

const distance = (a: Float32Array, b: Float32Array) =>
  Math.hypot(...a.map((at, i) => at - (b[i] ?? 0)));

describe("updates of mode agreed", () => {
  it("lose nothing for good: what the codec leaves out comes with the next", () => {
    const step = Float32Array.from({ length: LENGTH }, (_, i) => (i === 0 ? 1 : 0.003));
    expect(total(drift("int8", step, 40, {}))).toBeLessThan(0.1);
    // without the feedback the same loss adds up (control)
    expect(total(drift("int8", step, 40, { forget: true }))).toBeGreaterThan(0.5);
  });

  it.each(["int4", "int2", "sign"] as const)("lose nothing for good with %s either", (name) => {
    const step = Float32Array.from({ length: 3000 }, (_, i) => Math.sin(i * i) + Math.sin(7 * i));
    const lost = (forget: boolean) =>
      Math.hypot(...drift(name, step, 40, { forget })) / Math.hypot(...step);
    // a codec that keeps the share c of the energy leaves at most sqrt(1 - c) / (1 - sqrt(1 - c)) of an update behind
    expect(lost(false)).toBeLessThan(2);
    // without the feedback the same loss adds up (control)
    expect(lost(true)).toBeGreaterThan(3);
  });

  it.each([
    ["ternary", 3],
    ["masked", 8],
    ["sparse", 32],
  ] as const)(
    "lose nothing for good with %s, which tells a part: fewer than %i updates are still to come",
    (name, most) => {
      const step = Float32Array.from({ length: 9000 }, (_, i) => Math.sin(i * i) + Math.sin(7 * i));
      const lost = (rounds: number, forget: boolean) =>
        Math.hypot(...drift(name, step, rounds, { forget })) / Math.hypot(...step);
      expect(lost(40, false)).toBeLessThan(most);
      expect(lost(80, false)).toBeLessThan(most);
      // without the feedback what is not told adds up (control)
      expect(lost(80, true)).toBeGreaterThan(1.9 * lost(40, true));
    },
  );

  it("take the share of what was lost that the run says: none is to forget it", () => {
    const step = Float32Array.from({ length: 600 }, (_, i) => Math.sin(i * i));
    const lost = (forget: boolean, feedback: number) =>
      Math.hypot(...drift("sign", step, 40, { forget, feedback }));
    expect(lost(false, 0)).toBeCloseTo(lost(true, 1), 3);
    expect(lost(false, 0.9)).toBeLessThan(lost(false, 0.5));
    expect(lost(false, 1)).toBeLessThan(lost(false, 0.9));
  });

  it("travel as int8 in the rounds of the warm-up, for everybody alike, and then as the codec has it", () => {
    const warm = agreedUpdates(codecByName("sparse"), { seed: 5, feedback: 1, warmUp: 2 });
    const step = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i * i));
    const names = [0, 1, 2, 3].map((height) => {
      const ground = { height, norm: 0 };
      const { payload } = warm.offer(fresh(new Float32Array(5000)), step, ground);
      expect(payload.length).toBe(warm.payloadBytes(height, 5000));
      expect(warm.read(payload, 5000, ground).verdict).toBe("accept");
      // what is of another codec than the height's is refused (control)
      const other = { height: height < 2 ? 2 : 0, norm: 0 };
      expect(warm.read(payload, 5000, other).verdict).toBe("reject");
      return CODEC_NAMES.find((name) => CODEC_NUMBERS[name] === warm.codec(height));
    });

    expect(names).toEqual(["int8", "int8", "sparse", "sparse"]);
    const fine = agreedUpdates(codecByName("float32"), { seed: 5, feedback: 1, warmUp: 2 });
    expect(fine.codec(0)).toBe(CODEC_NUMBERS.float32);
  });

  it("tell more of the first rounds with a warm-up: top-k without one is behind", () => {
    const step = Float32Array.from({ length: 9000 }, (_, i) => Math.sin(i * i) + Math.sin(7 * i));
    const behind = (warmUp: number) =>
      Math.hypot(...drift("sparse", step, 6, { warmUp })) / Math.hypot(...step);

    expect(behind(2)).toBeLessThan(0.75 * behind(0));
  });

  it("tell what was trained from theta, and are read with their norm", () => {
    fc.assert(
      fc.property(vector, vector, (theta, step) => {
        const made = exact.offer(fresh(theta), plus(theta, step), FIRST);
        const read = exact.read(made.payload, LENGTH, FIRST);
        expect(read.verdict).toBe("accept");
        if (read.verdict !== "accept") return;
        expect(read.value.values).toEqual(made.update);
        expect(read.value.norm).toBeCloseTo(Math.hypot(...made.update), 5);
      }),
    );
  });

  it("count in full, come back whole, or are forgotten, by what became of them", () => {
    fc.assert(
      fc.property(vector, (step) => {
        const memory = fresh();
        const made = updates.offer(memory, step, FIRST);
        const counted = updates.settle(memory, made, "counted");
        expect(counted.progress).toBeNull();
        const left = updates.settle(memory, made, "left-out");
        expect(left.feedback).toBeNull();
        expect(updates.start(left)).toEqual(step.map((at) => at + 0));
        expect(updates.settle(memory, made, "harmful")).toEqual(fresh());
        expect(updates.settle(memory, made, "unsound")).toEqual(fresh());
      }),
    );
  });

  it("keep what was learnt without a quorum beyond the update, whatever becomes of that", () => {
    const extra = new Float32Array(LENGTH).fill(0.5);
    const step = new Float32Array(LENGTH).fill(1);
    const memory = exact.trainOn(fresh(), step, plus(step, extra));
    const made = exact.offer(memory, step, FIRST);
    expect(exact.start(exact.settle(memory, made, "counted"))).toEqual(extra);
    expect(exact.start(exact.settle(memory, made, "left-out"))).toEqual(plus(step, extra));
    expect(exact.start(exact.settle(memory, made, "harmful"))).toEqual(extra);
    // control: what nobody could read is dropped whole
    expect(exact.settle(memory, made, "unsound")).toEqual(fresh());
  });

  it.each(["int8", "sign", "sparse"] as const)(
    "lose nothing that was learnt with %s, counted, late, too long for one update or beyond it",
    (name) => {
      fc.assert(
        fc.property(fc.array(happening, { minLength: 1, maxLength: 5 }), (happenings) => {
          const { learnt, told, memory } = lived(name, happenings);
          const kept = [memory.feedback, memory.progress, memory.extra];
          const had = kept.reduce(
            (all: Float32Array, each) => (each ? plus(all, each) : all),
            told,
          );
          expect(distance(had, learnt)).toBeLessThan(1e-3);
        }),
      );
    },
  );

  it("would lose it without the memory: what is late, left out by the codec, or cut (control)", () => {
    const late = { outcome: "left-out", scale: 1, beyond: false, norm: 0 } as const;
    for (const happenings of [[late], [{ ...late, outcome: "counted" } as const]]) {
      const { learnt, told } = lived("sign", happenings);
      expect(distance(told, learnt)).toBeGreaterThan(0.3 * Math.hypot(...learnt));
    }
    const long = { ...late, scale: 5, norm: NORM };
    const { memory } = lived("sign", [long, { ...long, outcome: "counted" }]);
    expect(memory.progress).not.toBeNull();
  });

  it("are cut to four times the last norm, tell what was cut later, and are unsound beyond eight", () => {
    const long = new Float32Array(LENGTH).fill(10 / Math.sqrt(LENGTH));
    const { update, rest, payload } = exact.offer(fresh(), long, { height: 1, norm: 1 });
    expect(Math.hypot(...update)).toBeCloseTo(4, 5);
    expect(Math.hypot(...(rest ?? []))).toBeCloseTo(6, 5);
    const far = exact.offer(fresh(), long, { height: 1, norm: 0.1 });
    expect(Math.hypot(...plus(far.update, far.rest ?? far.update))).toBeCloseTo(1.6, 5);
    expect(exact.read(payload, LENGTH, { height: 1, norm: 1 }).verdict).toBe("accept");
    expect(exact.read(payload, LENGTH, { height: 1, norm: 0.4 })).toEqual({
      verdict: "reject",
      reason: "too-large",
    });
  });

  it("take any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(["accept", "reject"]).toContain(
          updates.read(bytes, LENGTH, { height: 1, norm: 1 }).verdict,
        );
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
