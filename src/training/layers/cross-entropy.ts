import { add, log, mul, neg, scale, sigmoid, sub } from "../graph/elementwise.ts";
import { withGradient } from "../graph/gradient.ts";
import { gatherRows, pickColumns, placeColumns, scatterAddRows } from "../graph/indexing.ts";
import { linear, matmul } from "../graph/matmul.ts";
import { concat, reshape, slice } from "../graph/movement.ts";
import { after } from "../graph/ordering.ts";
import { max, sum } from "../graph/reduction.ts";
import { dimension, type Span, spans } from "../graph/shapes.ts";
import { softmax } from "../graph/softmax.ts";
import type { Value } from "../graph/value.ts";
import { softcap, softcapSlope } from "./activations.ts";

/** The output head and its loss on some rows. */
export interface HeadLoss {
  /** Sum over rows of weight * loss, shape []; for training, so a row counts 85 nats at most. */
  readonly loss: Value;
  /** Loss of each row, nats, [rows, 1]. */
  readonly rowLosses: Value;
  /** The greatest logit of each row, [rows, 1]. */
  readonly best: Value;
  /** The logit of each row's target, [rows, 1]. */
  readonly target: Value;
  /** Of classifiers, [rows, classes]. */
  readonly logits?: Value;
}

/** Cross-entropy of few logits [rows, classes]; targets i64 [rows], weights [rows, 1] (zero on padding). */
export function logitLoss(logits: Value, targets: Value, weights: Value): HeadLoss {
  const rows = dimension(logits.shape, 0);
  const columns = reshape(targets, [rows, 1]);
  const shares = softmax(logits);
  const best = max(logits, [1]);
  const target = pickColumns(logits, columns);
  const rowLosses = sub(sub(best, target), log(max(shares, [1])));
  const total = reshape(sum(mul(rowLosses, weights), [0, 1]), []);
  // dL/dlogits = w (softmax - onehot).
  const loss = withGradient(total, [logits], (gradient) => {
    const w = mul(weights, gradient);
    return [sub(mul(shares, w), placeColumns(w, columns, dimension(logits.shape, 1)))];
  });
  return { loss, rowLosses, logits, best, target };
}

/**
 * Binary cross-entropy of each logit [rows, classes] with its mark, 1 or 0, averaged over a row's classes; marks
 * [rows, classes], weights [rows, 1] (zero on padding). A row is right when every logit is on its mark's side of zero.
 */
export function markedLoss(logits: Value, marks: Value, weights: Value): HeadLoss {
  const classes = dimension(logits.shape, 1);
  const { graph, dtype } = logits;
  const one = graph.scalar(1, dtype);
  const least = graph.scalar(LEAST_SHARE, dtype);
  const shares = sigmoid(logits);
  const marked = mul(marks, log(add(shares, least)));
  const unmarked = mul(sub(one, marks), log(add(sigmoid(neg(logits)), least)));
  const rowLosses = scale(sum(add(marked, unmarked), [1]), -1 / classes);
  const total = reshape(sum(mul(rowLosses, weights), [0, 1]), []);
  // dL/dlogits = w (sigmoid - mark) / classes.
  const loss = withGradient(total, [logits], (gradient) => [
    mul(sub(shares, marks), scale(mul(weights, gradient), 1 / classes)),
  ]);
  const wrongSide = mul(sub(one, scale(marks, 2)), logits);
  const target = neg(max(wrongSide, [1]));
  return { loss, rowLosses, logits, best: scale(target, 0), target };
}

/** Keeps a logarithm finite; far below what float32 tells apart next to any share that matters. */
const LEAST_SHARE = 1e-37;

/** What the logits of one block take, unless those of so few rows take more: smaller blocks read the head too often. */
const BLOCK_BYTES_MAX = 100 << 20;
const BLOCK_ROWS_MIN = 128;

export interface HeadOptions {
  /** No logit goes beyond it; see `softcap`. */
  readonly cap?: number | undefined;
  /** Rows whose logits are in memory at one time; chosen by the sizes when absent. */
  readonly block?: number | undefined;
}

/**
 * Cross-entropy of a linear head: hidden [rows, width], head [vocabulary, width], targets i64 [rows], weights [rows,
 * 1] (zero on padding).
 *
 * Backward never forms softmax - onehot over [rows, vocabulary]: with p = softmax(logits) and row weight w,
 * dL/dhidden = w (p @ head - head[target]) and dL/dhead = p^T @ (w hidden) - scatter(target, w hidden). With `cap` p
 * and the target's one are first multiplied by the slope of the cap there.
 *
 * Rows with many logits go in blocks, each after the one before it. What dL/dhidden takes of a block's logits is made
 * along with its loss, before they are given up, so that nothing is computed twice (Hsu et al. 2024, Liger Kernel,
 * arXiv 2410.10989). Only the gradient of a head that trains keeps the p of all blocks.
 */
export function headLoss(
  hidden: Value,
  head: Value,
  targets: Value,
  weights: Value,
  { cap, block = blockOf(hidden, head) }: HeadOptions = {},
): HeadLoss {
  const rows = dimension(hidden.shape, 0);
  const blockRows = (x: Value, { start, end }: Span) => slice(x, 0, start, end);
  const inTurn = (done: (made: HeadBlock) => readonly Value[]) => {
    const made: (HeadBlock & { readonly span: Span })[] = [];
    for (const span of spans(rows, block)) {
      const part = after(blockRows(hidden, span), made.slice(-1).flatMap(done));
      made.push({ span, ...headBlock(part, head, blockRows(targets, span), cap) });
    }
    return made;
  };
  // Training and evaluation end a block with other values; a program computes those it has use for.
  const trained = inTurn(({ likelihoods, pull }) => [likelihoods, pull]);
  const measured = inTurn(({ rowLosses }) => [rowLosses]);
  const join = (values: readonly Value[]) => concat(values, 0);
  const likelihoods = join(trained.map((made) => made.likelihoods));
  const total = neg(reshape(sum(mul(likelihoods, weights), [0, 1]), []));
  const loss = withGradient(total, [hidden, head], (gradient) => {
    const w = mul(weights, gradient);
    return [
      mul(join(trained.map(({ pull }) => pull)), w),
      trained.map(({ span, ofHead }) => ofHead(blockRows(w, span))).reduce(add),
    ];
  });
  return {
    loss,
    rowLosses: join(measured.map((made) => made.rowLosses)),
    best: join(measured.map(({ best }) => best)),
    target: join(measured.map(({ target }) => target)),
  };
}

/** A head that is a constant is copied into the program for each product with it: more than blocks would spare. */
function blockOf(hidden: Value, head: Value): number {
  const rows = dimension(hidden.shape, 0);
  if (head.op === "constant") return rows;
  const rowBytes = dimension(head.shape, 0) * Float32Array.BYTES_PER_ELEMENT;
  const most = Math.max(BLOCK_ROWS_MIN, Math.floor(BLOCK_BYTES_MAX / rowBytes));
  return Math.ceil(rows / Math.ceil(rows / most));
}

/** The head on one block of rows; values are [rows, 1] unless said. */
interface HeadBlock extends Pick<HeadLoss, "rowLosses" | "best" | "target"> {
  /** Logarithms of the targets' shares, cut off far down. */
  readonly likelihoods: Value;
  /** dL/dhidden of rows of weight one, [rows, width]. */
  readonly pull: Value;
  /** dL/dhead of rows of these weights. */
  ofHead(weights: Value): Value;
}

function headBlock(hidden: Value, head: Value, targets: Value, cap: number | undefined): HeadBlock {
  const products = linear(hidden, head);
  const logits = cap === undefined ? products : softcap(products, cap);
  const shares = softmax(logits);
  const columns = reshape(targets, [dimension(hidden.shape, 0), 1]);
  const best = max(logits, [1]);
  const target = pickColumns(logits, columns);
  const slope = cap === undefined ? undefined : softcapSlope(products, cap);
  const p = slope === undefined ? shares : mul(shares, slope);
  const atTarget = (x: Value) => (slope === undefined ? x : mul(x, pickColumns(slope, columns)));
  return {
    // log(sum(exp(logit))) = best - log(share of the best), whose argument is at least 1 / vocabulary.
    rowLosses: sub(sub(best, target), log(max(shares, [1]))),
    best,
    target,
    // Training needs no exact loss of hopeless rows, which spares it two passes over the logits.
    likelihoods: log(
      add(pickColumns(shares, columns), hidden.graph.scalar(LEAST_SHARE, hidden.dtype)),
    ),
    pull: sub(matmul(p, head), atTarget(gatherRows(head, targets))),
    ofHead(weights) {
      const scaled = mul(hidden, weights);
      return sub(
        matmul(p, scaled, { transposeA: true }),
        scatterAddRows(atTarget(scaled), targets, dimension(head.shape, 0)),
      );
    },
  };
}
