import type { RecomputeChoice } from "../../types.ts";
import type { BatchShape } from "../batches/batch.ts";
import { collateParts } from "../batches/collate.ts";
import type { AdaptedModel } from "../programs/adapted-model.ts";

/** What training takes at most, in bytes. */
export interface MemoryPlan {
  /** Rows of one run of the training program, and positions of each. */
  readonly rows: number;
  readonly length: number;
  /** The base model's weights in the forms in which the engine holds them while a program of full rows trains. */
  readonly weights: number;
  /** The greatest sum of what is alive at one time while one part of a batch runs. */
  readonly activations: number;
  /** The adapter with its gradient and moments. */
  readonly optimiser: number;
  readonly total: number;
  /** What the engine's device can give; null where it does not tell. */
  readonly available: number | null;
  /** The most rows of one run that fit, at most `rows`; 0 when not even one does, null when unknown. */
  readonly rowsThatFit: number | null;
  /** Whether the backward pass recomputes the blocks. */
  readonly recompute: boolean;
}

/** The largest batch. */
export interface PlannedBatch {
  readonly size: number;
  /** Positions of each row. */
  readonly longest: number;
  /** Threads of the engine that it is cut for. */
  readonly threads: number;
  /** The most rows of one run. */
  readonly rowsMax: number;
}

/** The adapter, its gradient, that of a part, and two moments. */
const OPTIMISER_ARRAYS = 5;

/**
 * What a batch takes on a device with `available` bytes. Blocks are recomputed where the choice is `auto` and the parts
 * of the batch do not fit else.
 */
export function planTraining(
  model: AdaptedModel,
  batch: PlannedBatch,
  available: number | null,
  choice: RecomputeChoice,
): MemoryPlan {
  const first = planEither(model, batch, available, choice === "on");
  const fits = first.rowsThatFit === null || first.rowsThatFit >= first.rows;
  return choice === "auto" && !fits ? planEither(model, batch, available, true) : first;
}

// --- internal ---

function planEither(
  model: AdaptedModel,
  batch: PlannedBatch,
  available: number | null,
  recompute: boolean,
): MemoryPlan {
  const { layout } = model.adapter;
  const plan = (shape: BatchShape) => {
    const { batch: rows, length } = shape;
    const graph = model.trainingMemory(shape, { slots: layout.tensors, recompute });
    const weights = model.weightBytes + graph.packed + graph.kept;
    const activations = graph.activations;
    const optimiser = OPTIMISER_ARRAYS * Float32Array.BYTES_PER_ELEMENT * layout.length;
    return {
      rows,
      length,
      weights,
      activations,
      optimiser,
      recompute,
      total: weights + activations + optimiser,
    };
  };
  const whole = plan(partShape(batch));
  if (available === null) return { ...whole, available, rowsThatFit: null };
  let fitting = whole;
  while (fitting.total > available && fitting.rows > 1) {
    fitting = plan(partShape(batch, Math.floor(fitting.rows / 2)));
  }
  return { ...whole, available, rowsThatFit: fitting.total <= available ? fitting.rows : 0 };
}

/** The shape of the parts of a batch of rows that all are as long as can be and carry loss everywhere. */
function partShape(
  { size, longest, threads, rowsMax: allowed }: PlannedBatch,
  rowsMax = allowed,
): BatchShape {
  const row = { ids: new Int32Array(longest + 1), promptLength: 1, truncated: false };
  const rows = Array.from({ length: size }, () => row);
  const [part] = collateParts(rows, longest, { threads, rowsMax });
  return part?.shape ?? { batch: 1, length: longest, lossRows: longest };
}
