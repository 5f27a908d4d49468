import { describe, expect, it, test } from "vitest";
import {
  codecByName,
  differencesToStart,
  differencesToTracks,
  mix,
  type Updates,
} from "../../../../src/consensus/index.ts";
import { seededRandom } from "../../../../src/random.ts";
import { MIXING_RULES, type MixingRule } from "../../../../src/types.ts";

const LENGTH = 600;
const CODECS_OF_TRACKS = ["int8", "int4", "int2", "sign"] as const;

function vector(seed: number, scale = 1): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: LENGTH }, () => scale * (2 * random() - 1));
}

function distance(a: Float32Array, b: Float32Array): number {
  return Math.sqrt(a.reduce((sum, at, i) => sum + (at - (b[i] as number)) ** 2, 0));
}

/** What a reader knows of a peer that tells one state again and again, and what the peer takes it to know. */
function tell(updates: Updates, state: Float32Array, times: number) {
  let memory = updates.begin(new Float32Array(LENGTH));
  let known = memory.track;
  for (let time = 0; time < times; time += 1) {
    const from = updates.hasTracks ? known : memory.reference;
    const made = updates.offer(memory, state);
    const read = updates.read(from, made.payload);
    if (read.verdict !== "accept") throw new Error(read.reason);
    [memory, known] = [made.memory, read.value];
  }
  return { memory, known };
}

describe.each(CODECS_OF_TRACKS)("tracks with %s", (name) => {
  const updates = differencesToTracks(codecByName(name));

  it("are the same bits for the author and for who followed it", () => {
    const { memory, known } = tell(updates, vector(1), 5);

    expect(known).toEqual(memory.track);
    expect(memory.reference).not.toEqual(memory.track);
  });

  it("tell later what a payload could not, which differences to the start never do", () => {
    const state = vector(2);
    const once = distance(tell(updates, state, 1).known, state);

    expect(distance(tell(updates, state, 12).known, state)).toBeLessThan(once / 4);
    // control
    const plain = differencesToStart(codecByName(name));
    expect(distance(tell(plain, state, 12).known, state)).toBeCloseTo(once, 6);
  });

  it("go on from what was kept", () => {
    const { memory } = tell(updates, vector(3), 3);

    expect(updates.begin(new Float32Array(LENGTH), { ...memory.kept, other: vector(4) })).toEqual(
      memory,
    );
  });

  it("begin anew at a state that is taken over", () => {
    const other = vector(5);
    const taken = updates.takeOver(tell(updates, vector(3), 3).memory, other);

    expect(taken).toMatchObject({ reference: other, track: other });
    expect(updates.offer(taken, vector(6)).memory.reference).toEqual(other);
  });
});

test.each(MIXING_RULES)("%s moves a state by what it moves the track by", (rule: MixingRule) => {
  const updates = differencesToTracks(codecByName("sign"));
  const memory = { reference: vector(0), track: vector(1), kept: {} };
  const own = vector(2);
  const told = [3, 4, 5, 6].map((seed) => vector(seed, 3));
  const mixed = (of: Float32Array, states: readonly Float32Array[]) =>
    mix(rule, {
      own: of,
      contributions: states.map((state, i) => ({ peer: `p${i}`, state, share: 0.2 })),
      attackersMax: 1,
      attackerShare: 0.2,
    });

  const states = told.map((state) => updates.toMix(memory, own, state));
  const moved = mixed(own, states).map((at, i) => at - (own[i] as number));
  const byTracks = mixed(memory.track, told).map((at, i) => at - (memory.track[i] as number));

  expect(distance(moved, byTracks)).toBeLessThan(1e-5);
  expect(distance(byTracks, new Float32Array(LENGTH))).toBeGreaterThan(1);
});

test("a state beyond what a single holds is an error, not an update", () => {
  const updates = differencesToTracks(codecByName("sign"));
  // Steps of a sign, 2^126 here, lead beyond the largest single.
  const state = new Float32Array(LENGTH).fill(3.4e38);
  const memory = updates.begin(new Float32Array(LENGTH).fill(1e38));

  expect(() => {
    let { memory: after } = updates.offer(memory, state);
    for (let time = 0; time < 40; time += 1) ({ memory: after } = updates.offer(after, state));
  }).toThrow(/diverged/);
});
