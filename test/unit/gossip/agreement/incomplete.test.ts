import { beforeEach, describe, expect, it } from "vitest";
import { Incomplete } from "../../../../src/gossip/agreement/incomplete.ts";

const [WHOLE, MISSING, OVER] = [
  Uint8Array.of(1),
  { verdict: "ignore", reason: "in-short" },
  { verdict: "ignore", reason: "past-round" },
] as const;
const list = Uint8Array.of(0x85, 1, 5);
const proposal = Uint8Array.of(0x85, 1, 7);

let answer: typeof WHOLE | typeof MISSING | typeof OVER;
let whole: string[];
let lost: string[];
let later: [number, () => void][];
let incomplete: Incomplete;

beforeEach(() => {
  [answer, whole, lost, later] = [MISSING, [], [], []];
  incomplete = new Incomplete({
    wholeOf: () => answer,
    onWhole: (from) => whole.push(from),
    onLost: (from) => lost.push(from),
    later: (milliseconds, run) => later.push([milliseconds, run]),
  });
});

/** Runs what waits, and says after how long that was. */
function pass(): number {
  const [milliseconds, run] = later.shift() ?? [-1, () => undefined];
  run();
  return milliseconds;
}

describe("what came in short before what it is about", () => {
  it("is put together as soon as that is known", () => {
    incomplete.add("a", list);
    pass();
    answer = WHOLE;
    pass();
    expect([whole, lost, later]).toEqual([["a"], [], []]);
  });

  it("is asked for, once, after the third time", () => {
    incomplete.add("a", list);
    expect([pass(), pass(), pass(), later.length]).toEqual([100, 300, 900, 0]);
    expect([whole, lost]).toEqual([[], ["a"]]);
  });

  it("is looked at with each ballot where it is a proposal, and not where it is a list (control)", () => {
    incomplete.add("a", list);
    incomplete.add("b", proposal);
    answer = WHOLE;
    incomplete.review();
    expect(whole).toEqual(["b"]);
  });

  it("is forgotten when its height is over", () => {
    incomplete.add("a", list);
    answer = OVER;
    pass();
    expect([whole, lost, later]).toEqual([[], [], []]);
  });

  it("is asked for at once where it is large, or too much waits", () => {
    incomplete.add("a", new Uint8Array(16 * 1024 + 1));
    expect(lost).toEqual(["a"]);
    for (let count = 0; count < 1025; count += 1) incomplete.add("b", Uint8Array.of(count));
    expect(lost).toEqual(["a", "b"]);
  });
});
