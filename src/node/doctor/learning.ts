import { statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { KlatchError } from "../../errors.ts";
import { type DataReport, parseHubModel, readRows, tryEngines } from "../../training/index.ts";
import { ENGINE_NAMES } from "../../types.ts";
import { PastRuns } from "../past/past-runs.ts";
import type { RoundCosts } from "../records/records.ts";
import { describeCosts } from "../view/cost-table.ts";
import { dataNotes, describeCut } from "../view/data-notes.ts";
import { describeMemory, memoryTrouble } from "../view/memory-text.ts";
import { bytes, linkSpeed } from "../view/table.ts";
import { type Finding, fail, failed, pass, unknown, warn } from "./check.ts";
import type { Ground } from "./ground.ts";

type OfLearning = Pick<Ground, "config" | "learned">;

/** Share of rows that may lose their end before it is worth a warning. */
const TRUNCATED_SHARE_MAX = 0.1;
/** Longest rows that are named, and bytes of data files that are read again to find them. */
const WORST_ROWS = 3;
const READ_AGAIN_MAX = 64 * 2 ** 20;
/** Seconds after which an engine is given up. */
const TRIAL_LIMIT = 60;

export function checkModel({ config, learned: { model } }: OfLearning): Finding {
  if (model instanceof KlatchError) return failed(model);
  const { parameters, layout, modelDigest, modelOrigin } = model;
  const commit = modelOrigin === null ? "" : ` at commit ${modelOrigin.commit}`;
  const detail = `${parameters} parameters, adapter of ${layout.length}, digest ${modelDigest.slice(0, 12)}; its inputs can be made`;
  return pass(`${config.model}${commit}: ${detail}`);
}

/** Whether the hub was reached, where it had to be; nothing more is asked of it. */
export function checkHub({ config, learned: { model } }: OfLearning): Finding {
  if (parseHubModel(config.model) === null) return pass("not needed: the model is a folder");
  if (!(model instanceof KlatchError)) return pass(`${config.model} was had`);
  if (model.code === "network") return failed(model);
  return unknown("the model failed before the hub, or after it", "see check model");
}

/** Whether model and tokenizer are those of the run that this folder holds, and of the members that were met. */
export function checkDigests({ config, learned, met }: Ground): Finding {
  const { model } = learned;
  if (model instanceof KlatchError) return unknown("there is no model", "see check model");
  const fix = "take the model folder that the run began with, to the byte; `klatch runs` names it";
  const own = { model: model.modelDigest, tokenizer: model.tokenizerDigest };
  const kept = keptTerms(config.dataDir, config.run.name);
  for (const what of ["model", "tokenizer"] as const) {
    const before = kept?.[what];
    if (before === undefined || before === own[what]) continue;
    const digests = `${before.slice(0, 12)}, and here is ${own[what].slice(0, 12)}`;
    return warn(`the run ${config.run.name} in ${config.dataDir} has ${what} ${digests}`, fix);
  }
  const members = [...(met?.members.values() ?? [])].filter(({ connected }) => connected);
  const unlike = members
    .flatMap(({ troubles }) => troubles)
    .filter((words) => OF_MODEL.test(words));
  if (unlike.length > 0) return warn(`members have others: ${unlike[0]}`, fix);
  const same = members.filter(({ troubles }) => troubles.length === 0).length;
  const compared = [
    ...(kept === null ? [] : ["the run in this folder"]),
    ...(same === 0 ? [] : [`${same} members`]),
  ];
  const digests = `model ${own.model.slice(0, 12)}, tokenizer ${own.tokenizer.slice(0, 12)}`;
  if (compared.length > 0) return pass(`${digests}: as in ${compared.join(" and ")}`);
  return pass(`${digests}: nobody to compare with yet`);
}

export function checkData({ learned: { data } }: OfLearning): Finding {
  if (data === null) return unknown("not read", "see checks model and engine");
  if (data instanceof KlatchError) return failed(data);
  const { train, heldOut, test } = data;
  const rows = train.examples + heldOut.examples;
  const tokens = Math.round((train.tokens + heldOut.tokens) / Math.max(1, rows));
  const detail =
    `${train.examples} examples to train on, ${heldOut.examples} held out, ${test.examples} to test; ` +
    `${tokens} tokens each, ${train.skipped + heldOut.skipped} empty`;
  return pass([detail, ...dataNotes(data)].join("; "));
}

/** How many rows are cut, and which are the longest. */
export async function checkRows({ config, learned: { data } }: OfLearning): Promise<Finding> {
  if (!isRead(data)) return unknown("no rows were read", "see check data");
  const sets = [data.train, data.heldOut];
  const rows = sets.reduce((sum, { examples }) => sum + examples, 0);
  const cut = sets.reduce((sum, { truncated }) => sum + truncated, 0);
  const longest = await longestRows(config.data.train);
  const named = longest === "" ? "" : `; the longest: ${longest}`;
  if (cut === 0) return pass(`none of ${rows} cut${named}`);
  const detail = `${cut} of ${rows} cut to ${describeCut(sets, data.limit)}${named}`;
  if (cut <= TRUNCATED_SHARE_MAX * rows) return pass(detail);
  const fix = data.limit?.isContext
    ? "split those rows: the model reads no more"
    : `raise run.sequenceMax above ${config.run.sequenceMax}, alike on every peer, or split those rows`;
  return warn(detail, fix);
}

/** Whether the gate has rows to judge others' updates by. */
export function checkHeldOut({ config, learned: { data } }: OfLearning): Finding {
  const { enabled, rows } = config.gate;
  if (!enabled) return pass("not needed: gate.enabled is false");
  if (!isRead(data)) return unknown("no rows were read", "see check data");
  const { examples } = data.heldOut;
  if (examples === 0) {
    const fix = "raise data.heldOutShare, or set gate.enabled: false";
    return warn("none, and the gate judges updates by such rows", fix);
  }
  const drawn = rows === "auto" ? "some" : Math.min(rows, examples);
  return pass(`${examples} for the gate, which draws ${drawn} a round`);
}

/** Whether what is tested was trained on. */
export function checkTestRows({ config, learned: { data } }: OfLearning): Finding {
  if (config.data.test.length === 0) return pass("none: there is no final evaluation");
  if (!isRead(data)) return unknown("no rows were read", "see check data");
  const { test, testSeenInTraining: seen } = data;
  if (seen === 0) return pass(`${test.examples}, none of them trained on`);
  return warn(
    `${seen} of ${test.examples} are also in the training files: they test memory alone`,
    "take those rows out of the training or the test files",
  );
}

/** The plan of the memory: what does not fit is known without failing. */
export function checkPlan({ learned: { plan } }: OfLearning): Finding {
  if (plan === null) return unknown("nothing was opened to plan for", "see checks model and data");
  if (plan instanceof KlatchError) return failed(plan);
  const trouble = memoryTrouble(plan);
  const detail = describeMemory(plan);
  return trouble === null ? pass(detail) : warn(`${detail}; ${trouble.problem}`, trouble.fix);
}

/** The engine that a start takes, by one real training step of the run. */
export function checkEngine({ learned: { step } }: OfLearning): Finding {
  if (step === null) return unknown("no step was taken", "see checks model, data and cache");
  if (step instanceof KlatchError) return failed(step);
  const { engine, positions, seconds, loss, passedOver } = step;
  const others = passedOver.map(({ name, reason }) => `; not ${name}: ${reason}`).join("");
  const detail = `${engine}: a training step of ${positions} tokens took ${seconds.toFixed(2)} s`;
  return Number.isFinite(loss)
    ? pass(`${detail}, loss ${loss.toFixed(3)}${others}`)
    : fail(`${detail} and gave no number`, "check the model files");
}

/** Every engine that is installed, by a small training step whose numbers are known; the others by why they are not. */
export async function checkEngines({ learned: { step } }: OfLearning): Promise<readonly Finding[]> {
  const used = step === null || step instanceof KlatchError ? null : step.engine;
  const tried = await tryEngines(
    ENGINE_NAMES.filter((name) => name !== used),
    TRIAL_LIMIT,
  );
  const found = new Map<string, Finding>(
    tried.map((each) => {
      if (each.outcome === "works") {
        const time = `${each.seconds.toFixed(2)} s`;
        return [each.name, pass(`a small step gave the known numbers in ${time}`)];
      }
      const { message, hint } = each.error;
      return [each.name, each.outcome === "absent" ? unknown(message, hint) : warn(message, hint)];
    }),
  );
  const inUse = pass("in use: see check engine");
  return ENGINE_NAMES.map((name) => ({ ...(found.get(name) ?? inUse), of: name }));
}

export function checkBytes({ learned: { costs } }: OfLearning): Finding {
  if (costs === null)
    return unknown("what a round costs follows from the model", "see check model");
  return costs instanceof KlatchError ? failed(costs) : pass(describeCosts(costs));
}

/** Whether updates take longer on the link than training does, and how they would not. */
export function checkLink({ config, learned: { costs, step } }: OfLearning): Finding {
  const { link } = config.network;
  if (link === null)
    return pass("its speed is not said: network.link would tell what a round takes");
  if (step === null || step instanceof KlatchError || !isPriced(costs)) {
    return unknown("neither a step's time nor a round's bytes are known", "see check engine");
  }
  const own = costs.ways.find(({ isChosen }) => isChosen)?.seconds ?? null;
  if (own === null) return unknown("the bytes of a round are not known", "see check bytes");
  const training = config.run.steps * step.seconds;
  const detail = `updates of a round take ${own.toFixed(1)} s at ${linkSpeed(link)}, its training about ${training.toFixed(1)} s`;
  if (own <= training) return pass(detail);
  const cheaper = costs.ways.find((way) => way.seconds !== null && way.seconds <= training);
  const smaller =
    cheaper === undefined ? "" : `, or run.codec ${cheaper.codec}, alike on every peer`;
  return warn(detail, `set run.steps to ${Math.ceil(own / step.seconds)}${smaller}`);
}

/** Threads of the engine against the processors that there are. */
export function checkThreads({ config }: Pick<Ground, "config">): Finding {
  const { threads } = config.engine;
  const there = availableParallelism();
  if (threads <= there) return pass(`${threads === 0 ? "all" : threads} of ${there} CPUs`);
  return warn(
    `engine.threads is ${threads}, and there are ${there} CPUs: they wait for one another`,
    "set engine.threads to 0, which takes all",
  );
}

// --- internal ---

/** How a member's other model or tokenizer is told. */
const OF_MODEL = /\bmodel \S+ \([0-9a-f]{12}\)|another tokenizer/;

const isRead = (data: DataReport | KlatchError | null): data is DataReport =>
  data !== null && !(data instanceof KlatchError);
const isPriced = (costs: RoundCosts | KlatchError | null): costs is RoundCosts =>
  costs !== null && !(costs instanceof KlatchError);

/** What the last run of a name in a folder had; null where it has none. */
function keptTerms(dataDir: string, name: string) {
  const runs = new PastRuns(dataDir, () => undefined);
  try {
    const records = runs.ids().map((run) => runs.record(run));
    return records.find((record) => record?.settings.run.name === name)?.terms ?? null;
  } finally {
    runs.close();
  }
}

/** The longest rows by place and size, never by what they say; empty where no file of rows is small enough. */
async function longestRows(paths: readonly string[]): Promise<string> {
  const files = paths.filter((path) => /\.(jsonl|ndjson|csv|tsv)$/i.test(path));
  const sizes = files.map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0);
  if (sizes.reduce((sum, size) => sum + size, 0) > READ_AGAIN_MAX) return "";
  const rows = [];
  for (const file of files) {
    for (const { line, fields } of await readRows(file)) {
      rows.push({ place: `${file}:${line}`, length: JSON.stringify(fields).length });
    }
    rows.sort((a, b) => b.length - a.length).splice(WORST_ROWS);
  }
  return rows.map(({ place, length }) => `${place} (${bytes(length)})`).join(", ");
}
