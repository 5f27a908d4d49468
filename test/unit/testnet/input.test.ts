import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  downTestnet,
  runTestnet,
  statusTestnet,
  type TestnetInput,
} from "../../../testnet/index.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "klatch-input-"));
  mkdirSync(join(folder, "data"));
  for (const name of ["a", "b", "c", "d"]) {
    writeFileSync(
      join(folder, "data", `${name}.jsonl`),
      `{"prompt":"${name}","completion":"x"}\n`.repeat(30),
    );
  }
  writeFileSync(join(folder, "broken.jsonl"), '{"text":"fine"}\n{"text":\n');
  mkdirSync(join(folder, "model"));
  mkdirSync(join(folder, "temporary"));
  // Where temporary folders are made, so that what is left behind can be seen.
  for (const name of ["TMPDIR", "TEMP"]) vi.stubEnv(name, join(folder, "temporary"));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const run = (input: Partial<TestnetInput>) => {
  const { data = "data", model = "model", ...rest } = input;
  return runTestnet({ ...rest, data: join(folder, data), model: join(folder, model) });
};

test.each<[string, Partial<TestnetInput>, string, RegExp]>([
  ["a missing data folder", { data: "nowhere" }, "data", /--data .*nowhere does not exist/],
  ["a damaged row", { data: "broken.jsonl" }, "data", /broken\.jsonl:2: not valid JSON/],
  ["too few files", { peers: 5 }, "usage", /4 data files are too few for 5 peers/],
  ["attackers without an attack", { attackers: 1 }, "usage", /--attackers needs --attack/],
  ["nobody honest", { attack: "nan", attackers: 4 }, "usage", /no honest peer/],
  ["an unknown field", { partition: "by:planet" }, "data", /no field planet/],
  ["a missing test set", { test: "/nowhere" }, "data", /--test \/nowhere does not exist/],
  ["a missing model", { model: "nowhere" }, "data", /--model .*nowhere does not exist/],
  ["a file as a model", { model: "broken.jsonl" }, "data", /--model .*broken\.jsonl is a file/],
])("%s is refused before any process starts", async (_, input, code, message) => {
  await expect(run(input)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });

  expect(readdirSync(join(folder, "temporary"))).toEqual([]);
});

test("a working folder with other things in it is left alone", async () => {
  await expect(run({ folder: join(folder, "data") })).rejects.toThrow(
    /holds something else: a\.jsonl/,
  );

  expect(readdirSync(join(folder, "data"))).toHaveLength(4);
});

test("status and down say that there is no testnet", async () => {
  const empty = join(folder, "empty");

  await expect(statusTestnet(empty)).rejects.toMatchObject({ code: "usage" });
  await expect(downTestnet(empty)).rejects.toThrow(/no testnet is up/);
  expect(existsSync(empty)).toBe(false);
});
