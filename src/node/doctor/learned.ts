import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { KlatchError } from "../../errors.ts";
import {
  createLearner,
  type DataReport,
  type HubOptions,
  type Learner,
  type LearnerInfo,
  type MemoryPlan,
} from "../../training/index.ts";
import type { OwnFacts } from "../acquaintance/self-description.ts";
import { roundCosts, settled } from "../budget/settle.ts";
import type { Config } from "../config/config.ts";
import { learnerOptions } from "../config/learner-options.ts";
import { makeScratchFolder } from "../folders/scratch-folder.ts";
import { digestOfState } from "../peer/manifest.ts";
import type { RoundCosts } from "../records/records.ts";
import { outcome } from "./check.ts";

/** Rows for the trial step of a node that has no data yet. */
const SAMPLE_ROWS = 16;

/** A PNG of one pixel, for models that read images. */
const GREY_DOT =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAADElEQVQImWNoaGgAAAMEAYEezv+mAAAAAElFTkSuQmCC";

/** Stand for the classes that a classifier's data would name. */
const ANY_CLASSES = ["a", "b"];

/** What is told of a model by itself. */
export type ModelFacts = Pick<
  LearnerInfo,
  "parameters" | "layout" | "modelDigest" | "modelOrigin" | "tokenizerDigest"
>;

/** One training step, as a round does many. */
export interface Step extends Pick<LearnerInfo, "engine" | "passedOver"> {
  readonly seconds: number;
  readonly positions: number;
  readonly loss: number;
}

/** What came of doing once what a round does; null where it did not come to that. */
export interface Learned {
  /** With what auto stands for, as far as that could be found. */
  readonly config: Config;
  readonly model: ModelFacts | KlatchError;
  /** What a round costs in bytes. */
  readonly costs: RoundCosts | KlatchError | null;
  readonly data: DataReport | KlatchError | null;
  readonly plan: MemoryPlan | KlatchError | null;
  readonly step: Step | KlatchError | null;
  /** What a node of the configuration would tell others; null where it could not start. */
  readonly facts: OwnFacts | null;
}

/** Opens model and data, prices a round, and takes one real training step: on rows of its own where there is no data. */
export async function learn(given: Config, hub: HubOptions): Promise<Learned> {
  const model = await outcome(() => openModel(given, hub));
  if (model instanceof KlatchError) return { ...UNTRIED, config: given, model, costs: null };
  const priced = await outcome(() => price(given, model));
  const isPriced = !(priced instanceof KlatchError);
  // where the budget is too small, the other checks go on without it
  const config = isPriced
    ? priced.config
    : { ...given, run: { ...given.run, bytesPerRound: null } };
  const costs = isPriced ? priced.costs : priced;
  const tried = given.data.train.length > 0 ? tryOwnData(config, hub) : trySample(config, hub);
  return { config, model, costs, ...(await tried) };
}

// --- internal ---

type Tried = Pick<Learned, "data" | "plan" | "step" | "facts">;

const UNTRIED: Tried = { data: null, plan: null, step: null, facts: null };

/** On the engine that is always there: whether the chosen one works is a question of its own. */
async function openModel(config: Config, hub: HubOptions): Promise<ModelFacts> {
  const { data: _, test: __, ...rest } = learnerOptions(withClasses(config));
  const learner = await createLearner({ ...rest, engine: "onnx:cpu" }, hub);
  const { parameters, layout, modelDigest, modelOrigin, tokenizerDigest } = learner.info;
  await learner.close();
  return { parameters, layout, modelDigest, modelOrigin, tokenizerDigest };
}

/** A classifier without data cannot know its classes. */
function withClasses(config: Config): Config {
  const { run } = config;
  const areKnown = run.task !== "classification" || run.classes.length > 0;
  return areKnown ? config : { ...config, run: { ...run, classes: ANY_CLASSES } };
}

function price(given: Config, { layout }: ModelFacts): { config: Config; costs: RoundCosts } {
  return { costs: roundCosts(given, layout), config: settled(given, layout) };
}

async function tryOwnData(config: Config, hub: HubOptions): Promise<Tried> {
  let tried: Tried = UNTRIED;
  const trouble = await outcome(async () => {
    const learner = await createLearner(learnerOptions(config), hub);
    try {
      tried = { ...tried, data: learner.info.data };
      tried = { ...tried, facts: await factsOf(learner, config) };
      tried = { ...tried, plan: await learner.planMemory() };
      tried = { ...tried, step: await outcome(() => oneStep(learner)) };
    } finally {
      await learner.close();
    }
  });
  return trouble instanceof KlatchError ? { ...tried, ...blamed(trouble) } : tried;
}

/** Whose failure it is that opened nothing, or ended it: not always the data's. */
function blamed(trouble: KlatchError): Partial<Tried> {
  if (trouble.code === "engine") return { step: trouble };
  return trouble.code === "memory" ? { plan: trouble } : { data: trouble };
}

async function factsOf(learner: Learner, { init }: Config): Promise<OwnFacts> {
  if (init === null) return learner.info;
  return { ...learner.info, init: digestOfState(await learner.importAdapter(init)) };
}

async function oneStep(learner: Learner): Promise<Step> {
  const adapter = await learner.initialAdapter();
  const optimizer = learner.initialOptimizer();
  // The first step compiles the program; the second shows the speed.
  await learner.train({ adapter, optimizer, round: 0, steps: 1 });
  const { seconds, positions, loss } = await learner.train({
    ...{ adapter, optimizer, round: 0, steps: 1 },
  });
  const { engine, passedOver } = learner.info;
  return { engine, passedOver, seconds, positions, loss };
}

/** A training step on made-up rows, for a node that has no data yet. */
async function trySample(given: Config, hub: HubOptions): Promise<Tried> {
  const data = new KlatchError(
    "data",
    "data.train is empty: there is nothing to train on, and `klatch start` will not",
    "name the files to train on in klatch.yaml, or with --data-train FILE",
  );
  const scratch = await outcome(() =>
    makeScratchFolder(given.cache, "--cache FOLDER, or KLATCH_CACHE"),
  );
  // check `cache` says why
  if (scratch instanceof KlatchError) return { ...UNTRIED, data };
  const config = withClasses(given);
  try {
    const file = join(scratch.path, "sample.jsonl");
    writeFileSync(file, sampleOf(config.run.classes));
    const sample = {
      ...config.data,
      train: [file],
      columns: {},
      heldOutShare: 0,
      packing: "none" as const,
      test: [],
    };
    const { plan, step, data: trouble } = await tryOwnData({ ...config, data: sample }, hub);
    return { ...UNTRIED, data, plan, step: trouble instanceof KlatchError ? trouble : step };
  } finally {
    scratch.remove();
  }
}

function sampleOf(classes: readonly string[]): string {
  const rows = Array.from({ length: SAMPLE_ROWS }, (_, row) =>
    JSON.stringify({
      text: `Row ${row} of a sample that shows whether training works here.`,
      image: GREY_DOT,
      ...(classes.length > 0 ? { label: classes[row % classes.length] } : {}),
    }),
  );
  return `${rows.join("\n")}\n`;
}
