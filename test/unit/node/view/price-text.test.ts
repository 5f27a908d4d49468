import { expect, test } from "vitest";
import type { RunPrice } from "../../../../src/node/admission/price-run.ts";
import { describePrice } from "../../../../src/node/view/price-text.ts";

const PRICE: RunPrice = {
  ...{ rounds: 10, members: 7, certifiedAttackers: 2, unknown: [] },
  bytes: { sent: 10_240, received: 20_480 },
  seconds: { engine: "onnx:cpu", step: 0.25, round: 5, link: null },
  memory: { total: 2 ** 20, available: 2 ** 30 },
};

test("a price says bytes, time, memory and attackers, for a round and for the run", () => {
  expect(describePrice(PRICE)).toEqual([
    "bytes          about 10.0 KiB sent and 20.0 KiB received a round; 100 KiB and 200 KiB in 10 rounds",
    "time           5 s of training a round (a step took 0.25 s on onnx:cpu); about 50 s in 10 rounds",
    "memory         1.0 MiB to train with, 1.0 GiB there",
    "attackers      certified for 2 of 7 members",
  ]);
});

test("what the link takes counts where its speed is said", () => {
  const seconds = { engine: "onnx:cpu", step: 0.25, round: 5, link: 25 };

  expect(describePrice({ ...PRICE, seconds })[1]).toBe(
    "time           5 s of training a round (a step took 0.25 s on onnx:cpu), and 25 s for its updates; about 5 min in 10 rounds",
  );
});

test("what is not known is said with its reason, and nothing is made up for it", () => {
  const nothing = { ...PRICE, bytes: null, seconds: null, memory: null };

  expect(describePrice({ ...nothing, unknown: ["the model is away"] })).toEqual([
    "attackers      certified for 2 of 7 members",
    "not known      the model is away",
  ]);
});
