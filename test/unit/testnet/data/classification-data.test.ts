import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { configSchema } from "../../../../src/node/config/config.ts";
import { learnerOptions } from "../../../../src/node/config/learner-options.ts";
import { prepareData } from "../../../../testnet/data/run-data.ts";
import { parseOptions, type TestnetInput } from "../../../../testnet/options.ts";
import { trainingConfig } from "../../../../testnet/processes/peer-config.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

/** One file for each class, so that a peer's own share has that one alone. */
async function prepared(task: NonNullable<TestnetInput["task"]>) {
  const folder = temporaryFolder();
  for (const name of ["data", "model", "run"]) mkdirSync(join(folder, name));
  for (const topic of ["rain", "bread", "drum"]) {
    const row = `${JSON.stringify({ text: `about ${topic}`, topic })}\n`;
    const unlabelled = `${JSON.stringify({ text: "about nothing", topic: "" })}\n`;
    writeFileSync(join(folder, "data", `${topic}.jsonl`), row.repeat(12) + unlabelled);
  }
  const options = parseOptions({
    peers: 3,
    task,
    columns: "text=text,label=topic",
    data: join(folder, "data"),
    model: join(folder, "model"),
  });
  const data = await prepareData(options, join(folder, "run"));
  const train = data.peers.slice(0, 1).map(({ dataFile }) => dataFile);
  const config = trainingConfig(options, { train, test: data.testFile, classes: data.classes });
  return learnerOptions(configSchema.parse(config));
}

test("every peer of a classification is told all classes, those it has no row of too", async () => {
  const { task, classes, data } = await prepared("classification");

  expect([task, classes]).toEqual(["classification", ["bread", "drum", "rain"]]);
  expect(data?.columns).toEqual({ text: "text", label: "topic" });
});

test("other tasks have no classes", async () => {
  const options = await prepared("causal");

  expect(options.task).toBe("causal");
  expect(options).not.toHaveProperty("classes");
});
