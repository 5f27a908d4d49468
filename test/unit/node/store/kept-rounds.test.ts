import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { PastRuns } from "../../../../src/node/past/past-runs.ts";
import type { KeptRound, Store } from "../../../../src/node/store/contract.ts";
import { openStore } from "../../../../src/node/store/store.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { OTHER_RUN, RUN } from "../node-samples.ts";

const MUCH = { rounds: 20, bytes: 2 ** 30 };

function open(folder: string, warn: (sentence: string) => void = () => undefined): Store {
  const store = openStore(folder, { warn });
  onTestFinished(() => store.close());
  return store;
}

const sample = (round: number, velocity: Float32Array | null = null): KeptRound => ({
  ...{ run: RUN, round, velocity, theta: Float32Array.of(round, -0, 1e-45) },
  payloads: new Map(["a", "b"].map((name, i) => [name.repeat(64), Uint8Array.of(i, round)])),
});
const filesOf = (folder: string) =>
  readdirSync(join(folder, "runs", RUN)).filter((name) => name.startsWith("round-"));

test("rounds that can be mixed again come back, with velocity and without, also to who only looks", () => {
  const folder = temporaryFolder();
  const store = open(folder);
  const moving = sample(4, Float32Array.of(7, 8, 9));
  store.keepRound(sample(3), MUCH);
  store.keepRound(moving, MUCH);

  expect(store.keptRound(RUN, 3)).toEqual(sample(3));
  expect(store.keptRound(RUN, 4)).toEqual(moving);
  expect(store.keptRound(RUN, 5)).toBeNull();
  expect(store.keptRound(OTHER_RUN, 3)).toBeNull();
  const runs = new PastRuns(folder, () => undefined);
  onTestFinished(() => runs.close());
  expect(runs.keptRound(RUN, 4)).toEqual(moving);
});

test("the newest are kept, as many as are wanted and fit", () => {
  const folder = temporaryFolder();
  const store = open(folder);
  for (let round = 0; round < 9; round += 1) store.keepRound(sample(round), { ...MUCH, rounds: 4 });
  expect(filesOf(folder)).toHaveLength(4);
  expect([4, 5, 8].map((round) => store.keptRound(RUN, round)?.round)).toEqual([undefined, 5, 8]);

  // each takes 12 bytes of state and 4 of payloads
  store.keepRound(sample(9), { rounds: 4, bytes: 47 });
  expect(filesOf(folder)).toHaveLength(2);
  store.keepRound(sample(10), { rounds: 4, bytes: 15 });
  expect(store.keptRound(RUN, 10)).toBeNull();
});

test("one that is damaged is put aside and not kept, and the others stay", () => {
  const folder = temporaryFolder();
  const said: string[] = [];
  const store = open(folder, (sentence) => said.push(sentence));
  store.keepRound(sample(3), MUCH);
  store.keepRound(sample(4), MUCH);
  const [file = ""] = filesOf(folder).map((name) => join(folder, "runs", RUN, name));
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(1, bytes.length - 40, bytes.length - 36));

  expect(store.keptRound(RUN, 3)).toBeNull();
  expect(said).toEqual([expect.stringMatching(/round-0+3\.klatch is damaged .* put aside/)]);
  expect(store.keptRound(RUN, 4)).toEqual(sample(4));
});
