import { type Learner, learningRateOf, rankOf } from "../../training/index.ts";
import type { Config } from "../config/config.ts";
import type { Settings } from "../store/training-files.ts";

/**
 * What has to be the same for a training to go on to the bytes that it would have come to: each setting by its name,
 * the model and the data by their digests. Where an engine runs and on how many threads is left out.
 */
export function trainingSettings(
  { run, data, engine }: Config,
  { steps, evaluateEvery }: { readonly steps: number; readonly evaluateEvery: number },
  info: Pick<Learner["info"], "modelDigest" | "tokenizerDigest" | "dataDigest" | "layout">,
): Settings {
  const { adapter, optimizer, batchSize, sequenceMax, separator, seed, factors, task, classes } =
    run;
  const { heldOutShare, packing } = data;
  const known = { ...optimizer, learningRate: learningRateOf(run) };
  const shared = { batchSize, sequenceMax, separator, seed, factors, task, classes };
  return {
    ...flat("run.", shared),
    ...flat("run.adapter.", { ...adapter, rank: rankOf(run) }),
    ...flat("run.optimizer.", known),
    ...flat("data.", { heldOutShare, packing }),
    "engine.dtype": engine.dtype,
    "--evaluate-every": String(evaluateEvery),
    // A step size that falls does so over all steps; with a constant one, there may be more or fewer.
    ...(optimizer.schedule === "constant" ? {} : { "--steps": String(steps) }),
    "the model": short(info.modelDigest),
    "the tokenizer": short(info.tokenizerDigest),
    "the adapter's layout": short(info.layout.digest),
    "the training data": short(info.dataDigest),
  };
}

// --- internal ---

function flat(prefix: string, values: Readonly<Record<string, unknown>>): Settings {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      prefix + key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

/** Enough of a digest to tell two apart. */
function short(digest: string): string {
  return digest.slice(0, 16);
}
