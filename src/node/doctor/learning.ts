import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  createLearner,
  type HubOptions,
  type Learner,
  type LearnerInfo,
} from "../../training/index.ts";
import type { AdapterLayout } from "../../types.ts";
import type { OwnFacts } from "../acquaintance/self-description.ts";
import { roundCosts, settled } from "../budget/settle.ts";
import type { Config } from "../config/config.ts";
import { learnerOptions } from "../config/learner-options.ts";
import { makeScratchFolder, type ScratchFolder } from "../folders/scratch-folder.ts";
import { digestOfState } from "../peer/manifest.ts";
import type { RoundCosts } from "../records/records.ts";
import { describeCosts } from "../view/cost-table.ts";
import { dataNotes, describeCut } from "../view/data-notes.ts";
import { describeMemory, memoryTrouble } from "../view/memory-text.ts";
import { linkSpeed } from "../view/table.ts";
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
  /** With what auto stands for, as far as that could be found. */
  readonly config: Config;
  /** Null where no budget is kept to, and without a model. */
  readonly costs: RoundCosts | null;
}

/**
 * Model with tokenizer or image processor, what rounds cost in bytes, data, and one real training step on them: what a
 * round does, once.
 */
export async function checkLearning(given: Config, hub: HubOptions): Promise<Learning> {
  const { model, layout } = await checkModel(given, hub);
  if (layout === null) return { checks: [model], facts: null, config: given, costs: null };
  const { check, config, costs } = await checkBytes(given, layout);
  const before = [model, check];
  if (config.data.train.length > 0) {
    let facts: OwnFacts | null = null;
    const checks = await withLearner(config, hub, "data", async (learner) => {
      facts = await factsOf(learner, config);
      const steps = await checkStep(learner, { steps: config.run.steps, costs });
      return [describeData(learner.info.data, config), ...steps];
    });
    return { checks: [...before, ...checks], facts, config, costs };
  }
  const data = fail(
    "data",
    "data.train is empty: there is nothing to train on, and `klatch start` will not",
    "name the files to train on in klatch.yaml, or with --data-train FILE",
  );
  const checks = [...before, data, ...(await trySample(config, hub, costs))];
  return { checks, facts: null, config, costs };
}

// --- internal ---

/** The model, and how the adapter of a configuration lies; null where it cannot be loaded. */
async function checkModel(
  config: Config,
  hub: HubOptions,
): Promise<{ readonly model: Check; readonly layout: AdapterLayout | null }> {
  let found: AdapterLayout | null = null;
  const model = await attempt("model", async () => {
    // On the engine that is always there: whether the chosen one works is a question of its own.
    const { data: _, test: __, ...rest } = learnerOptions(withClasses(config));
    const options = { ...rest, engine: "onnx:cpu" } as const;
    const learner = await createLearner(options, hub);
    try {
      const { parameters, layout, modelDigest, modelOrigin } = learner.info;
      found = layout;
      const commit = modelOrigin === null ? "" : ` at commit ${modelOrigin.commit}`;
      const detail = `${parameters} parameters, adapter of ${layout.length}, digest ${modelDigest.slice(0, 12)}; its inputs can be made`;
      return pass("model", `${config.model}${commit}: ${detail}`);
    } finally {
      await learner.close();
    }
  });
  return { model, layout: found };
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

/** What a round costs; where the budget is too small, the other checks go on without it. */
async function checkBytes(
  given: Config,
  layout: AdapterLayout,
): Promise<Pick<Learning, "config" | "costs"> & { readonly check: Check }> {
  let found: Pick<Learning, "config" | "costs"> = {
    config: { ...given, run: { ...given.run, bytesPerRound: null } },
    costs: null,
  };
  const check = await attempt("bytes", async () => {
    const costs = roundCosts(given, layout);
    found = { config: settled(given, layout), costs };
    return pass("bytes", describeCosts(costs));
  });
  return { ...found, check };
}

async function factsOf(learner: Learner, { init }: Config): Promise<OwnFacts> {
  if (init === null) return learner.info;
  return { ...learner.info, init: digestOfState(await learner.importAdapter(init)) };
}

/** The plan before the step: what does not fit is known without failing. */
async function checkStep(
  learner: Learner,
  { steps, costs }: { readonly steps: number; readonly costs: RoundCosts | null },
): Promise<readonly Check[]> {
  const plan = await learner.planMemory();
  const trouble = memoryTrouble(plan);
  const detail = describeMemory(plan);
  const planned =
    trouble === null
      ? pass("plan", detail)
      : warn("plan", `${detail}; ${trouble.problem}`, trouble.fix);
  let link: readonly Check[] = [];
  const engine = await attempt("engine", () =>
    oneStep(learner, (seconds) => {
      link = costs === null ? [] : checkLink(costs, { steps, seconds });
    }),
  );
  return [planned, engine, ...link];
}

/** Whether updates take longer on the link than training does, and how they would not. */
function checkLink(
  { link, ways }: RoundCosts,
  { steps, seconds }: { readonly steps: number; readonly seconds: number },
): readonly Check[] {
  const own = ways.find(({ isChosen }) => isChosen)?.seconds ?? null;
  if (link === null || own === null) return [];
  const training = steps * seconds;
  const detail = `updates of a round take ${own.toFixed(1)} s at ${linkSpeed(link)}, its training about ${training.toFixed(1)} s`;
  if (own <= training) return [pass("link", detail)];
  const cheaper = ways.find((way) => way.seconds !== null && way.seconds <= training);
  const smaller =
    cheaper === undefined ? "" : `, or run.codec ${cheaper.codec}, alike on every peer`;
  return [warn("link", detail, `set run.steps to ${Math.ceil(own / seconds)}${smaller}`)];
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

async function oneStep(learner: Learner, timed: (seconds: number) => void): Promise<Check> {
  const adapter = await learner.initialAdapter();
  const optimizer = learner.initialOptimizer();
  // The first step compiles the program; the second shows the speed.
  await learner.train({ adapter, optimizer, round: 0, steps: 1 });
  const result = await learner.train({ adapter, optimizer, round: 0, steps: 1 });
  timed(result.seconds);
  const { engine, passedOver } = learner.info;
  const others = passedOver.map(({ name, reason }) => `; not ${name}: ${reason}`).join("");
  const detail = `${engine}: a training step of ${result.positions} tokens took ${result.seconds.toFixed(2)} s`;
  return Number.isFinite(result.loss)
    ? pass("engine", `${detail}, loss ${result.loss.toFixed(3)}${others}`)
    : fail("engine", `${detail} and gave no number`, "check the model files");
}

/** A training step on made-up rows, for a node that has no data yet. */
async function trySample(
  given: Config,
  hub: HubOptions,
  costs: RoundCosts | null,
): Promise<readonly Check[]> {
  const config = withClasses(given);
  const { classes, steps } = config.run;
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
    return await withLearner({ ...config, data: sample }, hub, "engine", (learner) =>
      checkStep(learner, { steps, costs }),
    );
  } finally {
    scratch.remove();
  }
}
