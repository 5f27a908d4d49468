import { expect, test } from "vitest";
import { parseColumns } from "../../../src/node/commands/model-use.ts";
import { configSchema } from "../../../src/node/config/config.ts";
import { dataConfigSchema } from "../../../src/training/index.ts";
import { attackersOf, ownRankOf, parseOptions, partitionOf } from "../../../testnet/options.ts";
import { trainingConfig } from "../../../testnet/processes/peer-config.ts";

const input = { model: "model", data: "data" };

test("what is left out has a default", () => {
  expect(parseOptions(input)).toMatchObject({ peers: 4, rule: "cs-plus", threads: 1, columns: {} });
});

test("columns may be typed as a list", () => {
  expect(parseOptions({ ...input, columns: "prompt=question,completion=answer" }).columns).toEqual({
    prompt: "question",
    completion: "answer",
  });
});

test("every column that a node knows may be named, and by `klatch train` too", () => {
  const { shape } = dataConfigSchema.shape.columns.unwrap();
  const names = Object.keys(shape);
  expect(names).toContain("image");
  for (const name of names) {
    const columns = { [name]: "x" };
    expect(parseOptions({ ...input, columns: `${name}=x` }).columns).toEqual(columns);
    expect(parseOptions({ ...input, columns }).columns).toEqual(columns);
    expect(parseColumns(`${name}=x`)).toEqual(columns);
  }
});

test.each([
  [{ peers: 1 }, /--peers/],
  [{ peers: 2.5 }, /--peers/],
  [{ attack: "bribe" }, /--attack/],
  [{ rule: "best" }, /--rule/],
  [{ topology: "star" }, /--topology: expected full, ring, torus/],
  [{ partition: "dirichlet:0" }, /--partition: ALPHA/],
  [{ partition: "dirichlet:x" }, /--partition: expected by-file/],
  [{ columns: "answer" }, /--columns: expected text\|.*image.*=NAME/],
  [{ columns: "prompt=a,prompt=b" }, /--columns/],
  [{ columns: "prompt=a=b" }, /--columns/],
  [{ columns: { colour: "a" } }, /--columns/],
  [{ learningRate: 0 }, /--learning-rate/],
  [{ bytesPerRound: "64" }, /--bytes-per-round: expected bytes such as 64KiB/],
  [{ link: "10MB" }, /--link: expected a speed such as 10Mbit/],
  [{ outer: "adam" }, /--outer/],
  [{ warmUp: -1 }, /--warm-up/],
  [{ feedback: 1.5 }, /--feedback/],
  [{ rank: 0 }, /--rank/],
  [{ attackers: 1 }, /--attackers needs --attack/],
  [{ attack: "nan", attackers: 4 }, /4 attackers leave no honest peer among 4/],
])("%j is refused by the name of its flag", (change, message) => {
  expect(() => parseOptions({ ...input, ...change })).toThrow(message);
});

test("the outer step is named with its momentum, whichever of the two is given", () => {
  const step = (change: object) => {
    const { outer, outerMomentum } = parseOptions({ ...input, ...change });
    return [outer, outerMomentum];
  };
  expect(step({ mode: "agreed" })).toEqual(["nesterov", 0.6]);
  expect(step({ mode: "auto", peers: 4 })).toEqual(["nesterov", 0.6]);
  expect(step({ mode: "gossip" })).toEqual(["nesterov", 0.6]);
  // signs, which a budget may choose, have none in mode gossip
  expect(step({ mode: "gossip", codec: "sign" })).toEqual(["none", 0]);
  expect(step({ mode: "gossip", bytesPerRound: "64KiB" })).toEqual(["none", 0]);
  expect(step({ mode: "agreed", codec: "sign" })).toEqual(["nesterov", 0.6]);
  expect(step({ outer: "nesterov" })).toEqual(["nesterov", 0.6]);
  expect(step({ outer: "none" })).toEqual(["none", 0]);
  expect(step({ outerMomentum: 0 })).toEqual(["none", 0]);
  expect(step({ outer: "nesterov", outerMomentum: 0.4 })).toEqual(["nesterov", 0.4]);
  for (const change of [
    { outer: "none", outerMomentum: 0.6 },
    { outer: "nesterov", outerMomentum: 0 },
  ]) {
    expect(() => parseOptions({ ...input, ...change })).toThrow(/--outer \w+ and .* contradict/);
  }
});

test("what decides how updates travel reaches the peers' configurations", () => {
  const options = parseOptions({
    ...input,
    ...{ bytesPerRound: "64KiB", link: "10Mbit", warmUp: 2, feedback: 0.9, outer: "none" },
  });
  const { run } = configSchema.parse(
    trainingConfig(options, { train: [], test: "t", classes: [] }),
  );

  expect(run).toMatchObject({ bytesPerRound: 65_536, warmUp: 2, feedback: 0.9, codec: "auto" });
  expect(run.outer.momentum).toBe(0);
  expect(options.link).toBe(10_000_000);
  // control
  const plain = trainingConfig(parseOptions(input), { train: [], test: "t", classes: [] });
  expect(configSchema.parse(plain).run).toMatchObject({ bytesPerRound: null, warmUp: 0 });
});

test("peers take several ranks in turn, and the run has the largest", () => {
  const options = parseOptions({ ...input, mode: "agreed", ranks: "2,4,16" });
  expect(options.rank).toBe(16);
  expect([0, 1, 2, 3].map((index) => ownRankOf(options, index))).toEqual([2, 4, 16, 2]);
  const rank = ownRankOf(options, 1);
  const config = trainingConfig(options, { train: [], test: "t", classes: [], rank });
  expect(configSchema.parse(config)).toMatchObject({
    run: { adapter: { rank: 16 }, rankMin: 2 },
    training: { rank: 4 },
  });
  // control
  expect(ownRankOf(parseOptions(input), 1)).toBeNull();
  for (const ranks of ["2,,4", "0,2", "2, 4", "257", ""]) {
    expect(() => parseOptions({ ...input, ranks })).toThrow(
      /--ranks: expected ranks from 1 to 256/,
    );
  }
  expect(() => parseOptions({ ...input, ranks: "2,4", rank: 8 })).toThrow(/contradict/);
});

test("an unknown option is refused", () => {
  expect(() => parseOptions({ ...input, peerz: 4 })).toThrow(/peerz/);
});

test("an attack without a number means one attacker", () => {
  expect(attackersOf(parseOptions({ ...input, attack: "scaled" }))).toBe(1);
  expect(attackersOf(parseOptions({ ...input, attack: "scaled", attackers: 2 }))).toBe(2);
  expect(attackersOf(parseOptions(input))).toBe(0);
});

test("a folder is split by file unless told otherwise, a file iid", () => {
  expect(partitionOf(undefined, true)).toEqual({ kind: "by-file" });
  expect(partitionOf(undefined, false)).toEqual({ kind: "iid" });
  expect(partitionOf("dirichlet:0.5", true)).toEqual({ kind: "dirichlet", alpha: 0.5 });
  expect(partitionOf("by:bank", false)).toEqual({ kind: "by-field", field: "bank" });
  expect(() => partitionOf("by-file", false)).toThrow(/needs a folder/);
});
