import type { AdaptedModel } from "./adapted-model.ts";
import { type BatchShape, collateParts } from "./batches.ts";

/** What training takes at most, in bytes. */
export interface MemoryPlan {
  /** Rows of one run of the training program, and positions of each. */
  readonly rows: number;
  readonly length: number;
  /** The base model's weights in the forms in which the engine holds them. */
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
}

/** The adapter, its gradient, that of a part, and two moments. */
const OPTIMISER_ARRAYS = 5;

/**
 * What a batch of `size` rows of `longest` positions, cut for `threads` threads, takes on a device with `available` bytes.
 */
export function planTraining(
  model: AdaptedModel,
  batch: { readonly size: number; readonly longest: number; readonly threads: number },
  available: number | null,
): MemoryPlan {
  const { layout } = model.adapter;
  const plan = ({ batch: rows, length, lossRows }: BatchShape) => {
    const graph = model.trainingMemory(
      { batch: rows, length, lossRows },
      { slots: layout.tensors, recompute: false },
    );
    const { weightBytes: weights } = model;
    const activations = graph.activations;
    const optimiser = OPTIMISER_ARRAYS * Float32Array.BYTES_PER_ELEMENT * layout.length;
    return {
      rows,
      length,
      weights,
      activations,
      optimiser,
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

// --- internal ---

/** The shape of the parts of a batch of rows that all are as long as can be and carry loss everywhere. */
function partShape(
  { size, longest, threads }: Parameters<typeof planTraining>[1],
  rowsMax = Number.POSITIVE_INFINITY,
): BatchShape {
  const row = { ids: new Int32Array(longest + 1), promptLength: 1, truncated: false };
  const rows = Array.from({ length: size }, () => row);
  const [part] = collateParts(rows, longest, { threads, rowsMax });
  return part?.shape ?? { batch: 1, length: longest, lossRows: longest };
}
