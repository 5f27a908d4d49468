import { expect, test } from "vitest";
import { configSchema } from "../../../../src/node/config/config.ts";
import { runDigest, runTerms, termsDigest } from "../../../../src/node/peer/manifest.ts";
import { runTermsSchema } from "../../../../src/node/records/record-schemas.ts";
import { learningRateOf } from "../../../../src/training/index.ts";

const info = {
  modelDigest: "a".repeat(64),
  tokenizerDigest: "b".repeat(64),
  layout: { tensors: [], length: 0, digest: "c".repeat(64) },
};
const ALICE = "12D3KooWAnna11111111111111111111111111111111111111111";
const BOB = "12D3KooWBert11111111111111111111111111111111111111111";
const run = configSchema.parse({ run: { members: [ALICE, BOB] } }).run;

test("the order of members and of keys does not change the run", () => {
  const turned = Object.fromEntries(Object.entries(run).reverse()) as typeof run;

  expect(runDigest({ ...turned, members: [BOB, ALICE] }, info)).toBe(runDigest(run, info));
});

test("a step size that is chosen is the run of one that is given", () => {
  const learningRate = learningRateOf(run);
  const given = { ...run, optimizer: { ...run.optimizer, learningRate } };

  expect(run.optimizer.learningRate).toBe("auto");
  expect(runDigest(given, info)).toBe(runDigest(run, info));
  expect(
    runDigest({ ...given, optimizer: { ...given.optimizer, learningRate: 0.5 } }, info),
  ).not.toBe(runDigest(run, info));
});

test.each([
  ["the mixing rule", { ...run, rule: "mean" as const }, info],
  ["a nested value", { ...run, adapter: { ...run.adapter, rank: 9 } }, info],
  ["the name", { ...run, name: "other" }, info],
  ["the separator", { ...run, separator: "" }, info],
  ["the base model", run, { ...info, modelDigest: "d".repeat(64) }],
  ["the tokenizer", run, { ...info, tokenizerDigest: "d".repeat(64) }],
  ["the layout", run, { ...info, layout: { ...info.layout, digest: "d".repeat(64) } }],
])("%s changes the run", (_, otherRun, otherInfo) => {
  expect(runDigest(otherRun, otherInfo)).not.toBe(runDigest(run, info));
});

test("in mode agreed the run is that of its members, however auto is written", () => {
  const agreed = { ...run, mode: "agreed" as const };

  expect(runDigest({ ...agreed, members: [BOB, ALICE] }, info)).toBe(runDigest(agreed, info));
  expect(runDigest({ ...agreed, members: [ALICE] }, info)).not.toBe(runDigest(agreed, info));
  expect(runDigest(agreed, info)).not.toBe(runDigest(run, info));
  expect(runDigest({ ...agreed, rounds: 80 }, info)).toBe(runDigest(agreed, info));
  const four = { ...agreed, members: [ALICE, BOB, `${ALICE}2`, `${BOB}2`] };
  expect(runDigest({ ...four, mode: "auto" }, info)).toBe(runDigest(four, info));
});

test("the outer step is part of a run in mode agreed, however auto is written, and each node's own in mode gossip", () => {
  const withMomentum = (mode: "agreed" | "gossip", momentum: number | "auto") =>
    runDigest({ ...run, mode, outer: { rate: 1, momentum } }, info);

  expect(withMomentum("agreed", "auto")).toBe(withMomentum("agreed", 0.6));
  expect(withMomentum("agreed", 0.5)).not.toBe(withMomentum("agreed", 0.6));
  expect(withMomentum("gossip", 0.5)).toBe(withMomentum("gossip", "auto"));
});

test("the terms of a run that were written down lead to its id", () => {
  const terms = runTerms({ ...run, mode: "agreed" }, info, "d".repeat(64));
  const read = runTermsSchema.parse(JSON.parse(JSON.stringify(terms)));

  expect(termsDigest(read)).toBe(runDigest({ ...run, mode: "agreed" }, info, "d".repeat(64)));
});

test.each([
  ["its length", { ...run, rounds: 80 }],
  ["who takes part", { ...run, members: [ALICE] }],
  ["later changes of that", { ...run, roster: [`8 -${BOB}`] }],
  ["when it begins", { ...run, start: { members: "all" as const, at: "2030-01-01T00:00:00Z" } }],
])("%s does not change the run", (_, otherRun) => {
  expect(runDigest(otherRun, info)).toBe(runDigest(run, info));
});
