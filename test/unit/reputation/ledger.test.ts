import { expect, test } from "vitest";
import {
  advance,
  emptyLedger,
  fromJson,
  type Ledger,
  observe,
  opinion,
  score,
  shareFactor,
  standing,
  toJson,
} from "../../../src/reputation/index.ts";
import type { EvidenceKind, Standing } from "../../../src/types.ts";

/**
 * One letter for a round: t timely, v timely but vetoed, l late, m missing, n non-finite, d digest mismatch, x
 * malformed, e equivocation.
 */
const ROUND: Readonly<Record<string, readonly EvidenceKind[]>> = {
  t: ["timely"],
  v: ["gate-veto", "timely"],
  l: ["late"],
  m: ["missing"],
  n: ["non-finite"],
  d: ["digest-mismatch"],
  x: ["malformed"],
  e: ["timely", "equivocation"],
};

function after(history: string, check: (ledger: Ledger) => void = () => undefined): Ledger {
  let ledger = emptyLedger();
  for (const [round, letter] of [...history].entries()) {
    for (const kind of ROUND[letter] ?? []) {
      ledger = observe(ledger, { peer: "a", round, kind, at: round });
      check(ledger);
    }
  }
  return ledger;
}

const TABLE: readonly (readonly [string, string, Standing])[] = [
  ["nothing known", "", "full"],
  ["good conduct", "ttttt", "full"],
  ["one veto of a newcomer", "v", "reduced"],
  ["two vetoes of a newcomer", "vv", "reduced"],
  ["five vetoes of a newcomer", "v".repeat(5), "reduced"],
  ["six vetoes of a newcomer", "v".repeat(6), "isolated"],
  ["eleven vetoes after long good conduct", `${"t".repeat(60)}${"v".repeat(11)}`, "reduced"],
  ["twelve vetoes after long good conduct", `${"t".repeat(60)}${"v".repeat(12)}`, "isolated"],
  ["vetoes in two of three rounds", "vvt".repeat(9), "isolated"],
  ["a veto in every second round, thirty times", "vt".repeat(30), "reduced"],
  ["a veto in every second round, forty times", "vt".repeat(40), "isolated"],
  ["one veto in five rounds", "vtttt".repeat(20), "full"],
  ["one missed round of a newcomer", "m", "reduced"],
  ["one missed round among good ones", "tttmttt", "full"],
  ["always missing", "m".repeat(200), "reduced"],
  ["always late", "l".repeat(200), "reduced"],
  ["back after a long absence", `${"m".repeat(50)}${"t".repeat(12)}`, "full"],
  ["numbers that are not finite, twice", "nn", "isolated"],
  ["numbers that are not finite, once", "tttn", "reduced"],
  ["malformed twice", "xx", "isolated"],
  ["other bytes than announced, three times", "ddd", "isolated"],
  ["two updates for one round", "tttttttttte", "evicted"],
  ["good conduct after proof", "ettttttttttttt", "evicted"],
];

test.each(TABLE)("%s (%s): %s", (_name, history, expected) => {
  expect(standing(after(history), "a")).toBe(expected);
});

test("one veto in three rounds or fewer never isolates, at any moment", () => {
  for (const history of ["vtt".repeat(100), "vtttt".repeat(100), `tt${"vttt".repeat(100)}`]) {
    after(history, (ledger) => expect(standing(ledger, "a")).not.toBe("isolated"));
  }
});

test("nobody is isolated by vetoes where no error is allowed, and sooner where more is", () => {
  const isolatedAfter = (opinionErrorMax: number) => {
    let ledger = emptyLedger({ opinionErrorMax });
    for (let round = 0; round < 100; round += 1) {
      ledger = observe(ledger, { peer: "a", round, kind: "gate-veto", at: round });
      if (standing(ledger, "a") === "isolated") return round + 1;
    }
    return null;
  };
  expect([0.1, 0.01, 1e-6, 0].map(isolatedAfter)).toEqual([4, 6, 14, null]);
  expect(opinion(emptyLedger({ opinionErrorMax: 0 }), "a")).toEqual({ evidence: 1, bound: null });
});

test("absence and lateness alone never isolate, whatever came before", () => {
  for (const history of [
    "m".repeat(300),
    "lm".repeat(150),
    `${"t".repeat(30)}${"m".repeat(100)}`,
  ]) {
    after(history, (ledger) => expect(standing(ledger, "a")).not.toBe("isolated"));
  }
});

test("the score is that of beta counters with forgetting", () => {
  // Two timely rounds: r+ = 0.4·0.95 + 0.4 = 0.78, R = 1.78 / 2.78.
  expect(score(after("tt"), "a")).toBeCloseTo(1.78 / 2.78, 12);
  // A veto: r- = 1.5 and no credit for the round, R = 1 / 3.5; the share falls to 2R.
  expect(score(after("v"), "a")).toBeCloseTo(1 / 3.5, 12);
  expect(shareFactor(after("v"), "a")).toBeCloseTo(2 / 3.5, 12);
});

test("a share is only ever attenuated, and is 0 in isolation", () => {
  expect(shareFactor(after("t".repeat(50)), "a")).toBe(1);
  expect(shareFactor(after("v".repeat(6)), "a")).toBe(0);
  expect(shareFactor(after("e"), "a")).toBe(0);
});

test("isolation ends, and ends later the second time", () => {
  // Isolated in round 5, for 20 rounds: back in round 26.
  let ledger = after("v".repeat(6));
  expect(standing(advance(ledger, 25), "a")).toBe("isolated");
  ledger = advance(ledger, 26);
  expect(standing(ledger, "a")).toBe("reduced");
  let round = 26;
  while (standing(ledger, "a") !== "isolated") {
    ledger = observe(ledger, { peer: "a", round, kind: "gate-veto", at: 0 });
    round += 1;
  }
  expect(round).toBeLessThanOrEqual(34);
  expect(standing(advance(ledger, round + 38), "a")).toBe("isolated");
  expect(standing(advance(ledger, round + 40), "a")).not.toBe("isolated");
});

test("the ledger is bounded, and those it has condemned are not pushed out", () => {
  let ledger = emptyLedger({ peersMax: 3 });
  ledger = observe(ledger, { peer: "bad", round: 0, kind: "equivocation", at: 0 });
  for (let i = 0; i < 50; i += 1) {
    ledger = observe(ledger, { peer: `stranger-${i}`, round: i, kind: "timely", at: i });
  }

  expect(ledger.entries.size).toBe(3);
  expect(standing(ledger, "bad")).toBe("evicted");
});

test("observing leaves the old ledger as it was", () => {
  const before = after("tt");
  const text = toJson(before);

  observe(before, { peer: "a", round: 2, kind: "gate-veto", at: 0 });

  expect(toJson(before)).toBe(text);
});

test("a ledger survives being written and read", () => {
  const ledger = after(`${"t".repeat(7)}vmvv`);

  expect(fromJson(toJson(ledger))).toEqual({ ledger, warning: null });
});

test.each([
  "",
  "{",
  "null",
  "[]",
  '{"version":1,"peers":[]}',
  '{"version":2,"peers":[["a",{"credit":-1}]]}',
  '{"version":2,"peers":[],"extra":1}',
])("unreadable text %j gives a fresh ledger and a warning", (text) => {
  const { ledger, warning } = fromJson(text);

  expect(ledger.entries.size).toBe(0);
  expect(warning).toContain("starts afresh");
});
