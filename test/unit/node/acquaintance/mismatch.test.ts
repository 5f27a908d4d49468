import { describe, expect, it, test } from "vitest";
import { compare } from "../../../../src/node/acquaintance/mismatch.ts";
import {
  decodeSelf,
  describeSelf,
  encodeSelf,
  type SelfDescription,
} from "../../../../src/node/acquaintance/self-description.ts";
import { parseConfig } from "../../../../src/node/config/load.ts";
import { learningRateOf } from "../../../../src/training/index.ts";

const ANNA = "12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2";
const BERT = "12D3KooWGAX221r3r8b6iC7PsQct7Ebn5HBnDo8KHeckgbiD1uqM";
const CARL = "12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo";

const info = {
  modelDigest: "a".repeat(64),
  modelOrigin: null,
  tokenizerDigest: "b".repeat(64),
  layout: { tensors: [], length: 0, digest: "c".repeat(64) },
};

/** What the node of this run section says of itself. */
function self(run: object, facts: Partial<typeof info> = {}): SelfDescription {
  const members = [ANNA, BERT];
  const config = parseConfig({ model: "/models/small-llama", run: { members, ...run } }, "/");
  return describeSelf(config, { ...info, ...facts });
}

const here = self({});
const seen = (theirs: SelfDescription) => compare(ANNA, here, theirs);
const other = (letter: string) => letter.repeat(64);

describe("two members that do not mix", () => {
  it.each<[string, SelfDescription, RegExp]>([
    ["a setting", self({ steps: 41 }), /^runs another run: run.steps 41, here 20$/],
    ["a nested setting", self({ adapter: { rank: 4 } }), /run.adapter.rank 4, here 8$/],
    [
      "what a budget chose, and not the budget",
      self({ codec: "sign", bytesPerRound: "1MiB" }),
      /^runs another run: run.codec sign, here int8$/,
    ],
    ["two settings", self({ steps: 41, rule: "mean" }), /rule mean, here cs-plus; run.steps 41/],
    [
      "the model",
      self({}, { modelDigest: other("d") }),
      /model small-llama \(d{12}\), here small-llama \(a{12}\)/,
    ],
    [
      "the tokenizer",
      self({}, { tokenizerDigest: other("d") }),
      /another tokenizer or chat template/,
    ],
    [
      "the adapter that it begins from",
      describeSelf(
        parseConfig({ model: "/models/small-llama", run: { members: [ANNA, BERT] } }, "/"),
        {
          ...info,
          init: other("d"),
        },
      ),
      /run begins from the adapter d{12}, here a fresh adapter/,
    ],
    [
      "the tensors of the adapter",
      self({}, { layout: { tensors: [], length: 0, digest: other("d") } }),
      /an adapter of other tensors/,
    ],
    [
      "the version of the protocol",
      { ...here, protocol: 9, version: "9.0.0" },
      /protocol: 9 \(klatch 9.0.0\), here \d+ \(klatch .*\); update the older one/,
    ],
    ["the members", self({ members: [BERT, CARL] }), /does not list this node among its members/],
    ["a key that one does not know", withoutKey(here, "run.codec"), /run.codec unknown, here int8/],
    ["what no version can name", { ...here, run: other("d") }, /runs another run, of klatch/],
  ])("as %s is another are told so", (_, theirs, sentence) => {
    expect(seen(theirs).barrier).toMatch(sentence);
  });

  it("hear of four differences, and how many more there are", () => {
    const theirs = self({ steps: 1, batchSize: 1, seed: 9, rule: "mean", codec: "float32" });
    expect(seen(theirs).barrier).toMatch(/; and 1 more$/);
  });
});

describe("two members that mix", () => {
  it("say nothing of one another where they are alike", () => {
    expect(seen(self({}))).toEqual({ barrier: null, notes: [] });
  });

  it("say nothing of a setting that is written otherwise and means the same", () => {
    const learningRate = learningRateOf(parseConfig({}, "/").run);
    const theirs = self({ optimizer: { learningRate } });
    expect(theirs.settings).not.toEqual(here.settings);
    expect(seen(theirs).barrier).toBeNull();
  });

  it.each<[string, SelfDescription, string]>([
    ["rounds", self({ rounds: 80 }), "run.rounds 80, here 50"],
    ["the beginning", self({ start: { members: "all" } }), "run.start.members all, here quorum"],
    ["a member more", self({ members: [ANNA, BERT, CARL] }), "lists …SCVe2Xo, no member here"],
    ["a change", self({ roster: [`8 +${CARL}`] }), `run.roster 8 +${CARL}, here empty`],
  ])("note that %s differ", (_, theirs, note) => {
    expect(seen(theirs).barrier).toBeNull();
    expect(seen(theirs).notes[0]).toContain(note.replace("…SCVe2Xo", `…${CARL.slice(-8)}`));
  });

  it("note whom one of them leaves out", () => {
    const wide = self({ members: [ANNA, BERT, CARL] });
    const { notes } = compare(ANNA, wide, here);
    expect(notes).toEqual([`does not list …${CARL.slice(-8)}, a member here`]);
  });

  it("count a member that joins later as listed", () => {
    const theirs = self({ members: [BERT, CARL], roster: [`8 +${ANNA}`] });
    expect(seen(theirs).barrier).toBeNull();
  });
});

describe("two members of which one is in mode agreed", () => {
  const members = [ANNA, BERT, CARL];
  const agreed = self({ mode: "agreed", members });
  const of = (theirs: SelfDescription) => compare(ANNA, agreed, theirs);
  const unloaded = (run: object) =>
    describeSelf(parseConfig({ run: { members, ...run } }, "/"), null);

  it("are told so, by that one key", () => {
    const theirs = self({ members });
    expect(of(theirs).barrier).toBe("runs another run: run.mode gossip, here agreed");
    expect(compare(ANNA, theirs, agreed).barrier).toBe(
      "runs another run: run.mode agreed, here gossip",
    );
    expect(of(unloaded({})).barrier).toContain("run.mode gossip, here agreed");
  });

  it("have the members alike, as these are part of the run", () => {
    const theirs = self({ mode: "agreed", members: [ANNA, BERT] });
    const barrier = `runs another run: does not list …${CARL.slice(-8)}, a member here`;
    expect(of(theirs)).toEqual({ barrier, notes: [] });
  });

  it("have what auto stands for alike, and its rule", () => {
    const four = [...members, "12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8"];
    const auto = self({ mode: "auto", members: four });
    const written = self({ mode: "agreed", members: four });
    expect(compare(ANNA, auto, written)).toEqual({ barrier: null, notes: [] });
    const other = self({ mode: "agreed", members: four, agreedRule: "mean" });
    expect(compare(ANNA, auto, other).barrier).toContain("run.agreedRule mean, here check-twins");
    // what mode gossip does not know keeps nobody apart
    expect(compare(ANNA, unloaded({}), unloaded({ agreedRule: "mean" })).barrier).toBeNull();
    expect(compare(ANNA, unloaded({}), unloaded({ outer: { rate: 2 } })).barrier).toBeNull();
  });
});

test("what has no model loaded is compared by its settings", () => {
  const config = parseConfig({ run: { members: [ANNA, BERT], steps: 41 } }, "/");
  expect(seen(describeSelf(config, null)).barrier).toContain("run.steps 41, here 20");
});

describe("a description of oneself", () => {
  it("arrives as it was sent, with a thousand members", () => {
    const many = self({
      members: Array.from({ length: 1000 }, () => 0).map((_, i) => memberId(i)),
    });
    expect(decodeSelf(encodeSelf(many))).toEqual(many);
    expect(encodeSelf(many).byteLength).toBeLessThan(128 * 1024 - 64);
  });

  it("tells a long value by its digest", () => {
    const classes = Array.from({ length: 500 }, (_, index) => `class ${index}`);
    const long = self({ task: "classification", classes });
    expect(long.settings["run.classes"]).toMatch(/^500 values \([0-9a-f]{12}\)$/);
  });

  it.each(["", "{", "[]", "null", '{"protocol":1}'])("is not read in %j", (text) => {
    expect(decodeSelf(new TextEncoder().encode(text))).toBeNull();
  });

  it("cannot move the cursor of whoever reads it", () => {
    const evil = {
      ...here,
      run: other("d"),
      version: "\u001b[2J1.0",
      settings: { "run.name": '"\u009b31mred"' },
    };
    const read = decodeSelf(encodeSelf(evil));
    expect(read?.version).toBe("?[2J1.0");
    expect(seen(read ?? here).barrier).not.toMatch(/\p{C}/u);
  });
});

function withoutKey(said: SelfDescription, key: string): SelfDescription {
  const { [key]: _, ...settings } = said.settings;
  return { ...said, run: other("d"), settings };
}

/** Something of the form of a peer id. */
function memberId(index: number): string {
  return `12D3KooW${String(index).replaceAll("0", "A").padStart(44, "B")}`;
}

test("another budget that chooses alike is no difference", () => {
  expect(seen(self({ bytesPerRound: "1MiB" }))).toEqual({ barrier: null, notes: [] });
});
