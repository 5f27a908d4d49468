import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestnetReport } from "../../testnet/index.ts";
import { TOPICS, topicRows, writeEncoderFolder } from "../unit/training/learner/encoder-folder.ts";
import { runCli } from "./testnet-cli.ts";

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "klatch-e2e-"));
  await writeEncoderFolder(folder);
  mkdirSync(join(folder, "data"));
  for (const [seed, topic] of Object.keys(TOPICS).entries()) {
    const rows = topicRows(240, 10 + seed).filter(({ label }) => label !== topic);
    const lines = rows.map((row) => JSON.stringify(row)).join("\n");
    writeFileSync(join(folder, "data", `without-${topic}.jsonl`), lines);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

test("peers that each lack a class learn together to tell all of them", async () => {
  const flags = [
    ["--model", folder],
    ["--data", "data"],
    ["--test", "test.jsonl"],
    ["--task", "classification"],
    ["--peers", "3"],
    ["--rounds", "4"],
    ["--steps", "12"],
    ["--learning-rate", "0.01"],
    ["--baselines", "--json"],
  ].flat();

  const { code, stdout, stderr } = await runCli(["testnet", "run", ...flags], folder);

  expect(code, stderr).toBe(0);
  const { localOnly, federated, peers }: TestnetReport = JSON.parse(stdout);
  // Alone a peer never names the class that it lacks: a third of the test texts.
  expect(localOnly?.exactMatch).toBeLessThan(0.67);
  expect(federated?.exactMatch).toBeGreaterThan(0.8);
  expect(federated?.loss).toBeLessThan(localOnly?.loss ?? 0);
  expect(peers.every(({ standing }) => standing === "full")).toBe(true);
});
