import { KlatchError } from "../../errors.ts";
import type { TensorSlot } from "../../types.ts";
import type { Adapter, FactorSchedule } from "../adapters/adapter.ts";
import { collateParts } from "../batches/collate.ts";
import { stepExamples } from "../batches/example-order.ts";
import type { Examples } from "../data/dataset/example-store.ts";
import { type AnyExample, positionsTaken } from "../data/examples/example.ts";
import { slotsInRank } from "../layout/rank.ts";
import type { AdaptedModel } from "../programs/adapted-model.ts";
import { diverged, LossWatchdog, type WatchState } from "./loss-watchdog.ts";
import { MicroBatch } from "./micro-batch.ts";
import { type OptimizerOptions, type OptimizerState, optimizerStep } from "./optimizer.ts";
import { addProximalGradient } from "./proximal.ts";
import { learningRateAt } from "./schedule.ts";
import { Stopped } from "./stopped.ts";

/** What stays from one training to the next. */
export interface TrainOptions {
  readonly factors: FactorSchedule;
  /** Slices of the factors' rank that train, the first so many; the others take part and stay. All when absent. */
  readonly rank?: number;
  readonly optimizer: OptimizerOptions;
  readonly batchSize: number;
  /** Longest sequence in tokens; longer rows are cut and counted. */
  readonly sequenceMax: number;
  /** Seed of the order of examples. */
  readonly seed: number;
  /** Threads of the engine. */
  readonly threads: number;
  /** Whether the texts of a batch lie side by side in rows; see `PartLimits`. */
  readonly packed?: boolean;
}

export interface TrainRequest {
  readonly adapter: Float32Array;
  readonly optimizer: OptimizerState;
  /** Decides which factor trains when they alternate. Batches follow the optimiser's steps and the learner's seed. */
  readonly round: number;
  readonly steps: number;
  /** Where the step size's schedule ends, if not where the learner was told. */
  readonly totalSteps?: number;
  /** What a signal leads to: an AbortError, or a result with the steps that were taken. */
  readonly onStop?: "abort" | "keep";
  /** Of a training that goes on in the middle of its round; absent at its beginning. */
  readonly begun?: BegunRound;
}

/** A round that an earlier training began: what it takes to go on as if it were one. */
export interface BegunRound {
  /** Steps of the round that were taken. */
  readonly steps: number;
  readonly watch: WatchState;
  /** The state that it started from. */
  readonly start: Float32Array;
}

export interface TrainResult {
  readonly adapter: Float32Array;
  readonly optimizer: OptimizerState;
  /** Mean training loss over the steps, nats per token. */
  readonly loss: number;
  /** Completion tokens, which are learned; or examples with a class. */
  readonly tokens: number;
  /** All tokens that were read, prompts included and padding not. */
  readonly positions: number;
  readonly examples: number;
  readonly seconds: number;
  /** What the watchdog of losses knows, for a training that goes on. */
  readonly watch: WatchState;
}

/** One optimiser step as it happened. */
export interface StepMetrics {
  /** Steps taken since the optimiser was fresh, this one included. */
  readonly step: number;
  /** Nats per token of the step's batch. */
  readonly loss: number;
  /** Euclidean norm of the gradient before clipping. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Completion tokens of the batch. */
  readonly tokens: number;
  /** All its tokens, prompts included and padding not. */
  readonly positions: number;
  readonly seconds: number;
}

/** What a caller may hear of a training while it runs. */
export interface TrainHooks {
  /** Asked before every step. */
  isStopped?(): boolean;
  onStep?(metrics: StepMetrics): void;
  /** Remembers from one training to the next how much fits; a fresh one when absent. */
  readonly microBatch?: MicroBatch;
}

/**
 * Trains for `request.steps` steps, or fewer when it is stopped and `request.onStop` is "keep". It is a pure function
 * of request, model, data and options. Batches continue where the optimizer's step stands, so rounds of any length
 * walk the same sequence of examples.
 *
 * @throws Stopped, otherwise, when it is stopped; KlatchError `data` without training examples, `diverged` when the
 *   loss or a gradient is not finite or the loss climbs away; what the request holds is then the last good state
 */
export async function train(
  model: AdaptedModel,
  examples: Examples<AnyExample>,
  options: TrainOptions,
  request: TrainRequest,
  hooks: TrainHooks = {},
): Promise<TrainResult> {
  const started = performance.now();
  if (examples.length === 0) {
    throw new KlatchError("data", "there is nothing to train on", "name data files with --data");
  }
  const slots = model.adapter.trained(options.factors, request.round);
  const { rank = Number.POSITIVE_INFINITY, batchSize, seed, threads, packed = false } = options;
  const parts = slots.flatMap((slot) => slotsInRank(slot, rank));
  const adapter = request.adapter.slice();
  const gradient = new Float32Array(adapter.length);
  const orders = new Map<number, readonly number[]>();
  let state = copyState(request.optimizer);
  const before = stepsBefore(model.adapter, options.factors, request);
  const { begun } = request;
  const pull = { start: begun?.start ?? request.adapter, mu: options.optimizer.proximal ?? 0 };
  const watchdog = new LossWatchdog(begun?.watch);
  const { microBatch = new MicroBatch() } = hooks;
  const optimizer = withTotal(options.optimizer, request.totalSteps);
  let lossSum = 0;
  let tokens = 0;
  let positions = 0;
  let taken = 0;
  for (; taken < request.steps; taken += 1) {
    if (hooks.isStopped?.()) {
      if (request.onStop === "keep") break;
      throw new Stopped();
    }
    const stepStarted = performance.now();
    const indices = stepExamples(examples.length, batchSize, seed, state.step, orders);
    const chosen = indices.flatMap((index) => examples.at(index) ?? []);
    const { loss, tokens: stepTokens } = await microBatch.fit(
      (rowsMax) => collateParts(chosen, options.sequenceMax, { threads, rowsMax, packed }),
      async (batches, recompute) => ({
        loss: await model.lossAndGradient(adapter, batches, slots, gradient, recompute),
        tokens: batches.reduce((total, each) => total + each.tokens, 0),
      }),
    );
    addProximalGradient(gradient, adapter, pull, parts);
    const stepOf = (slot: TensorSlot) => before(slot) + (begun?.steps ?? 0) + taken + 1;
    const stepped = optimizerStep(adapter, gradient, state, parts, optimizer, stepOf);
    const trouble = watchdog.observe(loss, stepped.norm);
    if (trouble !== null) throw diverged(stepped.state.step, trouble);
    state = stepped.state;
    lossSum += loss;
    tokens += stepTokens;
    const stepPositions = chosen.reduce((sum, example) => sum + positionsTaken(example), 0);
    positions += stepPositions;
    hooks.onStep?.({
      step: state.step,
      loss,
      gradientNorm: stepped.norm,
      learningRate: learningRateAt(optimizer, state.step),
      tokens: stepTokens,
      positions: stepPositions,
      seconds: (performance.now() - stepStarted) / 1000,
    });
  }
  return {
    adapter,
    optimizer: state,
    loss: taken === 0 ? 0 : lossSum / taken,
    tokens,
    positions,
    examples: taken * options.batchSize,
    seconds: (performance.now() - started) / 1000,
    watch: watchdog.state,
  };
}

/**
 * The steps in which a slot trained before this round, if all rounds had as many. When factors alternate, each has
 * trained in every other round.
 */
export function stepsBefore(
  adapter: Adapter,
  schedule: FactorSchedule,
  { round, optimizer, begun }: TrainRequest,
): (slot: TensorSlot) => number {
  const step = optimizer.step - (begun?.steps ?? 0);
  const [even, odd] = [0, 1].map(
    (parity) => new Set(adapter.trained(schedule, parity).map(({ name }) => name)),
  );
  return ({ name }) => {
    if (even?.has(name) && odd?.has(name)) return step;
    if (round === 0) return even?.has(name) ? step : 0;
    const rounds = even?.has(name) ? Math.ceil(round / 2) : Math.floor(round / 2);
    return Math.round((step * rounds) / round);
  };
}

/** With the schedule of so many steps. */
function withTotal(
  optimizer: TrainOptions["optimizer"],
  totalSteps: number | undefined,
): TrainOptions["optimizer"] {
  const { schedule } = optimizer;
  if (totalSteps === undefined || schedule === undefined) return optimizer;
  return { ...optimizer, schedule: { ...schedule, totalSteps } };
}

/** With arrays of its own, for these change in place. */
function copyState(state: OptimizerState): OptimizerState {
  const { firstMoment, secondMoment } = state;
  return { ...state, firstMoment: firstMoment.slice(), secondMoment: secondMoment.slice() };
}
