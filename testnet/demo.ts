/**
 * `npm start`: four organisations on this machine fine-tune the bundled model together, each in a process of its own
 * with data that no other sees; then a report, and answers before and after.
 */
import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { KlatchError } from "../src/errors.ts";
import { bundledModel } from "../src/node/folders/package-folder.ts";
import { EXIT_INTERRUPTED, endProcess, runProcess } from "../src/node/process/lifecycle.ts";
import { silentLogger } from "../src/node/process/logger.ts";
import { keepProcessPrivate } from "../src/node/process/private-process.ts";
import { openStore } from "../src/node/store/store.ts";
import { secondsText } from "../src/node/view/quantities.ts";
import { withLearner } from "./baselines.ts";
import { type Row, readPooledRows } from "./data/rows.ts";
import { parseOptions, type TestnetInput } from "./options.ts";
import { dataFolder } from "./processes/peer-config.ts";
import { reportText } from "./report/report-markdown.ts";
import type { TestnetReport } from "./report/report-shape.ts";
import { runTestnet } from "./run.ts";
import { type DemoData, writeDemoData } from "./texts/demo-data.ts";
import { makeTestnetScratch } from "./working-folder.ts";

const REPORT_FOLDER = "klatch-report";
const SEED = 1;
/** The column of the demonstration's data that names who a message went to. */
const ORGANISATION = "organisation";
const ROWS_PER_ORGANISATION = 400;
const TEST_ROWS = 160;
/** Longest stop of all peers after Ctrl-C. */
const STOP_MS = 30_000;

const say = (text = "") => process.stdout.write(`${text}\n`);

async function demo(signal: AbortSignal): Promise<void> {
  const startedAt = Date.now();
  const scratch = await makeTestnetScratch();
  const folder = scratch.path;
  try {
    const data = await writeDemoData(join(folder, "data"), {
      seed: SEED,
      rowsPerOrganisation: ROWS_PER_ORGANISATION,
      testRows: TEST_ROWS,
    });
    introduce(data);
    const input = inputOf(folder, data);
    const report = await runTestnet(input, { output: process.stdout, signal });
    say();
    say(reportText(report));
    say();
    if (report.interrupted) return;
    await showAnswers(report, data, folder);
    say();
    const files = ["report.json", "report.md", "report.png"];
    say(`Report: ${files.map((file) => relative("", join(REPORT_FOLDER, file))).join("  ")}`);
    say(`Everything took ${secondsText((Date.now() - startedAt) / 1000)}.`);
  } finally {
    scratch.remove();
  }
}

function introduce(data: DemoData): void {
  say("Klatch: four organisations fine-tune one model together. No server, no shared data.");
  say(
    `Each is a process of its own with ${ROWS_PER_ORGANISATION} messages that nobody else sees, and learns which desk a message belongs to and how urgent it is.`,
  );
  say(`They are tested on ${TEST_ROWS} new messages of all ${data.train.length} organisations.`);
  say();
}

function inputOf(folder: string, data: DemoData): TestnetInput & { readonly folder: string } {
  return {
    peers: data.train.length,
    rounds: 8,
    steps: 15,
    batchSize: 8,
    seed: SEED,
    model: bundledModel(),
    data: join(folder, "data", "train"),
    test: data.test,
    sequenceMax: 96,
    baselines: true,
    report: REPORT_FOLDER,
    folder: join(folder, "network"),
  };
}

/** One test message to each of the others, answered by the base model and by the first peer's model. */
async function showAnswers(report: TestnetReport, data: DemoData, folder: string): Promise<void> {
  const peerFolder = join(folder, "network", "peer-01");
  const own = report.peers[0]?.label ?? "";
  const store = openStore(dataFolder(peerFolder));
  const kept = store.loadCheckpoint(report.run)?.checkpoint;
  store.close();
  assert(kept, "a finished peer has a checkpoint");
  const options = parseOptions(inputOf(folder, data));
  const files = { train: join(peerFolder, "data.jsonl"), test: data.test, classes: [] };
  await withLearner(options, files, async (learner) => {
    const base = await learner.initialAdapter();
    say(`Messages to others, answered by the model of the ${own}, which never saw their data:`);
    for (const { organisation, prompt, completion } of await oneOfEach(data, own)) {
      const request = { prompt: String(prompt), maxTokens: 24, temperature: 0, seed: SEED };
      const before = await learner.generate(base, request);
      const after = await learner.generate(kept.adapter, request);
      say();
      say(`  to the ${organisation}: ${prompt}`);
      say(`    before    ${before.trim().split("\n")[0]}`);
      say(`    after     ${after.trim()}`);
      say(`    expected  ${completion}`);
    }
  });
}

/** The first test row of every organisation but one. */
async function oneOfEach(data: DemoData, but: string): Promise<Row[]> {
  const rows = await readPooledRows(data.test, "--test", { use: "test" });
  const first = new Map<unknown, Row>();
  for (const row of rows.toReversed()) first.set(row[ORGANISATION], row);
  first.delete(but);
  return [...first.values()];
}

keepProcessPrivate();
try {
  process.exitCode = await runProcess(demo, {
    log: silentLogger(),
    exit: endProcess,
    events: process,
    stopMs: STOP_MS,
    interruptedCode: EXIT_INTERRUPTED,
  });
} catch (error) {
  if (!(error instanceof KlatchError)) throw error;
  process.stderr.write(`error: ${error.message}\nhint: ${error.hint}\n`);
  process.exitCode = error.exitCode;
}
