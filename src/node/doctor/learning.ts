import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  createLearner,
  type HubOptions,
  type Learner,
  type LearnerInfo,
} from "../../training/index.ts";
import type { OwnFacts } from "../acquaintance/self-description.ts";
import type { Config } from "../config/config.ts";
import { learnerOptions } from "../config/learner-options.ts";
import { makeScratchFolder, type ScratchFolder } from "../folders/scratch-folder.ts";
import { digestOfState } from "../peer/manifest.ts";
import { dataNotes, describeCut } from "../view/data-notes.ts";
import { describeMemory, memoryTrouble } from "../view/memory-text.ts";
import { attempt, type Check, fail, pass, warn } from "./check.ts";

/** Share of rows that may lose their end before it is worth a warning. */
const TRUNCATED_SHARE_MAX = 0.1;
/** Rows for the trial step of a node that has no data yet. */
const SAMPLE_ROWS = 16;

/** A PNG of one pixel, for models that read images. */
const GREY_DOT =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAADElEQVQImWNoaGgAAAMEAYEezv+mAAAAAElFTkSuQmCC";

/** Stand for the classes that a classifier's data would name. */
const ANY_CLASSES = ["a", "b"];

export interface Learning {
  readonly checks: readonly Check[];
  /** What a node of the configuration would tell others; null where it could not start. */
  readonly facts: OwnFacts | null;
}

/** Model with tokenizer or image processor, data, and one real training step on them: what a round does, once. */
export async function checkLearning(config: Config, hub: HubOptions): Promise<Learning> {
  const model = await attempt("model", () => checkModel(config, hub));
  if (model.status === "fail") return { checks: [model], facts: null };
  if (config.data.train.length > 0) {
    let facts: OwnFacts | null = null;
    const checks = await withLearner(config, hub, "data", async (learner) => {
      facts = await factsOf(learner, config);
      return [describeData(learner.info.data, config), ...(await checkStep(learner))];
    });
    return { checks: [model, ...checks], facts };
  }
  const data = fail(
    "data",
    "data.train is empty: there is nothing to train on, and `klatch start` will not",
    "name the files to train on in klatch.yaml, or with --data-train FILE",
  );
  return { checks: [model, data, ...(await trySample(config, hub))], facts: null };
}

// --- internal ---

async function checkModel(config: Config, hub: HubOptions): Promise<Check> {
  // On the engine that is always there: whether the chosen one works is a question of its own.
  const { data: _, test: __, ...rest } = learnerOptions(withClasses(config));
  const options = { ...rest, engine: "onnx:cpu" } as const;
  const learner = await createLearner(options, hub);
  try {
    const { parameters, layout, modelDigest, modelOrigin } = learner.info;
    const commit = modelOrigin === null ? "" : ` at commit ${modelOrigin.commit}`;
    const detail = `${parameters} parameters, adapter of ${layout.length}, digest ${modelDigest.slice(0, 12)}; its inputs can be made`;
    return pass("model", `${config.model}${commit}: ${detail}`);
  } finally {
    await learner.close();
  }
}

/** A classifier without data cannot know its classes. */
function withClasses(config: Config): Config {
  const { run } = config;
  const areKnown = run.task !== "classification" || run.classes.length > 0;
  return areKnown ? config : { ...config, run: { ...run, classes: ANY_CLASSES } };
}

async function withLearner(
  config: Config,
  hub: HubOptions,
  name: string,
  work: (learner: Learner) => Promise<readonly Check[]>,
): Promise<readonly Check[]> {
  let checks: readonly Check[] = [];
  const opened = await attempt(name, async () => {
    const learner = await createLearner(learnerOptions(config), hub);
    try {
      checks = await work(learner);
    } finally {
      await learner.close();
    }
    return pass(name, "opened");
  });
  return opened.status === "fail" ? [...checks, opened] : checks;
}

async function factsOf(learner: Learner, { init }: Config): Promise<OwnFacts> {
  if (init === null) return learner.info;
  return { ...learner.info, init: digestOfState(await learner.importAdapter(init)) };
}

/** The plan before the step: what does not fit is known without failing. */
async function checkStep(learner: Learner): Promise<readonly Check[]> {
  const plan = await learner.planMemory();
  const trouble = memoryTrouble(plan);
  const detail = describeMemory(plan);
  const planned =
    trouble === null
      ? pass("plan", detail)
      : warn("plan", `${detail}; ${trouble.problem}`, trouble.fix);
  return [planned, await attempt("engine", () => oneStep(learner))];
}

function describeData(report: LearnerInfo["data"], config: Config): Check {
  const { train, heldOut, test } = report;
  const rows = train.examples + heldOut.examples;
  const tokens = train.tokens + heldOut.tokens;
  const cut = train.truncated + heldOut.truncated;
  const detail =
    `${train.examples} examples to train on, ${heldOut.examples} held out, ${test.examples} to test; ` +
    `${Math.round(tokens / Math.max(1, rows))} tokens each, ${cut} cut to ${describeCut([train, heldOut], report.limit)}, ${train.skipped + heldOut.skipped} empty`;
  if (heldOut.examples === 0 && config.gate.enabled) {
    return warn("data", detail, "the gate needs held-out rows: raise data.heldOutShare");
  }
  if (cut > TRUNCATED_SHARE_MAX * rows) {
    return warn("data", detail, `raise run.sequenceMax above ${config.run.sequenceMax}`);
  }
  const noted = [detail, ...dataNotes(report)].join("; ");
  if (report.testSeenInTraining > 0) {
    return warn("data", noted, "take those rows out of the training or the test files");
  }
  return pass("data", noted);
}

async function oneStep(learner: Learner): Promise<Check> {
  const adapter = await learner.initialAdapter();
  const optimizer = learner.initialOptimizer();
  // The first step compiles the program; the second shows the speed.
  await learner.train({ adapter, optimizer, round: 0, steps: 1 });
  const result = await learner.train({ adapter, optimizer, round: 0, steps: 1 });
  const { engine, passedOver } = learner.info;
  const others = passedOver.map(({ name, reason }) => `; not ${name}: ${reason}`).join("");
  const detail = `${engine}: a training step of ${result.positions} tokens took ${result.seconds.toFixed(2)} s`;
  return Number.isFinite(result.loss)
    ? pass("engine", `${detail}, loss ${result.loss.toFixed(3)}${others}`)
    : fail("engine", `${detail} and gave no number`, "check the model files");
}

/** A training step on made-up rows, for a node that has no data yet. */
async function trySample(given: Config, hub: HubOptions): Promise<readonly Check[]> {
  const config = withClasses(given);
  const { classes } = config.run;
  let scratch: ScratchFolder;
  try {
    scratch = await makeScratchFolder(given.cache, "--cache FOLDER, or KLATCH_CACHE");
  } catch (error) {
    return [await attempt("cache", () => Promise.reject(error))];
  }
  const file = join(scratch.path, "sample.jsonl");
  const rows = Array.from({ length: SAMPLE_ROWS }, (_, row) =>
    JSON.stringify({
      text: `Row ${row} of a sample that shows whether training works here.`,
      image: GREY_DOT,
      ...(classes.length > 0 ? { label: classes[row % classes.length] } : {}),
    }),
  );
  try {
    writeFileSync(file, `${rows.join("\n")}\n`);
    const sample = {
      ...config.data,
      train: [file],
      columns: {},
      heldOutShare: 0,
      packing: "none" as const,
      test: [],
    };
    return await withLearner({ ...config, data: sample }, hub, "engine", checkStep);
  } finally {
    scratch.remove();
  }
}
