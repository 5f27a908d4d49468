import type { OptimizerState, TrainResult } from "../../training/index.ts";
import type { Digest } from "../../types.ts";
import type { RoundTraining } from "../store/contract.ts";
import { digestOf, digestOfState } from "./manifest.ts";
import type { PeerParts } from "./peer-parts.ts";

/** Keeping what is trained takes this share of the time at most: where the disk is slow it is kept more seldom. */
const KEEPING_SHARE = 0.05;

type TrainingParts = Pick<
  PeerParts,
  "learner" | "config" | "metrics" | "store" | "run" | "clock" | "log" | "neighbourhoods"
>;

/** Where a round's training starts. */
interface TrainingStart {
  readonly adapter: Float32Array;
  readonly optimizer: OptimizerState;
  readonly round: number;
}

/** What a round's training led to; examples are those of the steps that were taken. */
export type RoundTrained = Pick<TrainResult, "adapter" | "optimizer" | "loss" | "examples">;

/** What ends a training before its time. */
interface Ends {
  /** The node stops: nothing comes of it now. */
  readonly signal: AbortSignal;
  /** The round is over without it: the steps taken by then are the result. */
  readonly over?: AbortSignal;
}

/**
 * Trains the steps of a round from a state. Every so many steps it is kept on disk; a node that died, or was stopped, in
 * the middle of this very training goes on from there, with the batches that would have come.
 */
export async function trainFor(
  parts: TrainingParts,
  start: TrainingStart,
  { signal, over = NEVER }: Ends,
): Promise<RoundTrained> {
  const { learner, config, metrics, clock, log, neighbourhoods } = parts;
  const { checkpointSteps } = config.run;
  const { round } = start;
  const all = neighbourhoods.stepsIn(round);
  const every = checkpointSteps === 0 ? all : checkpointSteps;
  let training = restored(parts, start) ?? begun(parts, start);
  if (training.steps > 0) log.info({ round: round + 1, steps: training.steps }, GOES_ON);
  const ending = endingOf(parts, start);
  let keptAt = clock.now();
  let keepingMs = 0;
  const ended = AbortSignal.any([signal, over]);
  while (training.steps < all && !over.aborted) {
    const { adapter, optimizer, steps: taken, watch } = training;
    const steps = Math.min(every, all - taken);
    const isBegun = taken > 0 && watch !== null;
    const goingOn = isBegun ? { begun: { steps: taken, watch, start: start.adapter } } : {};
    const request = {
      adapter,
      optimizer,
      round,
      steps,
      onStop: "keep",
      ...ending,
      ...goingOn,
    } as const;
    const result = await learner.train(request, ended);
    training = after(training, result);
    metrics.trainTokens.inc(result.tokens);
    const isStopped = training.steps < taken + steps;
    const isDue = clock.now() - keptAt >= keepingMs / KEEPING_SHARE;
    if (isInTheMiddle(parts, training, taken) && (isDue || isStopped)) {
      const before = clock.now();
      parts.store.saveTraining(training);
      log.debug({ round: round + 1, steps: training.steps }, "keeps the round's training");
      keptAt = clock.now();
      keepingMs = keptAt - before;
    }
    if (isStopped) signal.throwIfAborted();
  }
  if (training.steps === all) metrics.trainSeconds.observe(training.seconds);
  return { ...training, loss: training.lossSum / Math.max(1, training.steps) };
}

// --- internal ---

/** The signal of what does not come. */
const NEVER = new AbortController().signal;

/** Where the schedule of the step size ends, when members have decided how many rounds and steps there are. */
function endingOf(
  { neighbourhoods }: Pick<TrainingParts, "neighbourhoods">,
  { optimizer, round }: TrainingStart,
): { readonly totalSteps?: number } {
  const left = neighbourhoods.stepsLeft(round);
  return left === null ? {} : { totalSteps: optimizer.step + left };
}

const GOES_ON = "goes on in the middle of the round's training";

/** What is on disk of this very training; null when there is nothing. */
function restored(parts: TrainingParts, start: TrainingStart): RoundTraining | null {
  const { store, run, neighbourhoods } = parts;
  const kept = store.loadTraining(run, start.round);
  const steps = neighbourhoods.stepsIn(start.round);
  const isSame = kept?.start === digestOfStart(parts, start) && kept.steps < steps;
  return isSame ? kept : null;
}

/** Whether more steps than before are there to keep, and not all. */
function isInTheMiddle(
  { config, neighbourhoods }: TrainingParts,
  { round, steps }: RoundTraining,
  before: number,
): boolean {
  const isKept = config.run.checkpointSteps > 0;
  return isKept && steps > before && steps < neighbourhoods.stepsIn(round);
}

function begun(parts: TrainingParts, start: TrainingStart): RoundTraining {
  const nothing = { steps: 0, watch: null, lossSum: 0, examples: 0, seconds: 0 };
  return { ...start, run: parts.run, start: digestOfStart(parts, start), ...nothing };
}

/** By which a training is known again: its state, its place in the data, and the data. */
function digestOfStart(
  { learner }: Pick<TrainingParts, "learner">,
  { adapter, optimizer }: TrainingStart,
): Digest {
  const { dataDigest } = learner.info;
  return digestOf(`${digestOfState(adapter)} ${optimizer.step} ${dataDigest}`);
}

function after(training: RoundTraining, result: TrainResult): RoundTraining {
  const { adapter, optimizer, loss, examples, seconds, watch } = result;
  const taken = optimizer.step - training.optimizer.step;
  return {
    ...training,
    ...{ adapter, optimizer, watch },
    steps: training.steps + taken,
    lossSum: training.lossSum + loss * taken,
    examples: training.examples + examples,
    seconds: training.seconds + seconds,
  };
}
