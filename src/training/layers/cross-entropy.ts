import { add, log, mul, neg, sub } from "../graph/elementwise.ts";
import { withGradient } from "../graph/gradient.ts";
import { gatherRows, pickColumns, placeColumns, scatterAddRows } from "../graph/indexing.ts";
import { linear, matmul } from "../graph/matmul.ts";
import { reshape } from "../graph/movement.ts";
import { max, sum } from "../graph/reduction.ts";
import { dimension } from "../graph/shapes.ts";
import { softmax } from "../graph/softmax.ts";
import type { Value } from "../graph/value.ts";
import { softcap, softcapSlope } from "./activations.ts";

/** The output head and its loss on some rows. */
export interface HeadLoss {
  /** Sum over rows of weight * loss, shape []; for training, so a row counts 85 nats at most. */
  readonly loss: Value;
  /** Loss of each row, nats, [rows, 1]. */
  readonly rowLosses: Value;
  readonly logits: Value;
  /** The greatest logit of each row, [rows, 1]. */
  readonly best: Value;
  /** The logit of each row's target, [rows, 1]. */
  readonly target: Value;
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

/** Keeps a logarithm finite; far below what float32 tells apart next to any share that matters. */
const LEAST_SHARE = 1e-37;

/**
 * Cross-entropy of a linear head: hidden [rows, width], head [vocabulary, width], targets i64 [rows],
 * weights [rows, 1] (zero on padding).
 *
 * Backward never forms softmax - onehot over [rows, vocabulary]: with p = softmax(logits) and row weight w,
 * dL/dhidden = w (p @ head - head[target]) and dL/dhead = p^T @ (w hidden) - scatter(target, w hidden).
 * With `cap` no logit goes beyond it, and p and the target's one are first multiplied by the slope there.
 */
export function headLoss(
  hidden: Value,
  head: Value,
  targets: Value,
  weights: Value,
  cap?: number,
): HeadLoss {
  const { graph } = hidden;
  const rows = dimension(hidden.shape, 0);
  const products = linear(hidden, head);
  const logits = cap === undefined ? products : softcap(products, cap);
  const shares = softmax(logits);
  const columns = reshape(targets, [rows, 1]);
  const best = max(logits, [1]);
  const target = pickColumns(logits, columns);
  // log(sum(exp(logit))) = best - log(share of the best), whose argument is at least 1 / vocabulary.
  const rowLosses = sub(sub(best, target), log(max(shares, [1])));
  // Training needs no exact loss of hopeless rows, which spares it two passes over the logits.
  const least = graph.scalar(LEAST_SHARE, hidden.dtype);
  const likelihoods = log(add(pickColumns(shares, columns), least));
  const total = neg(reshape(sum(mul(likelihoods, weights), [0, 1]), []));
  const loss = withGradient(total, [hidden, head], (gradient) => {
    const w = mul(weights, gradient);
    const scaled = mul(hidden, w);
    const slope = cap === undefined ? undefined : softcapSlope(products, cap);
    const p = slope === undefined ? shares : mul(shares, slope);
    const atTarget = (x: Value) => (slope === undefined ? x : mul(x, pickColumns(slope, columns)));
    return [
      mul(sub(matmul(p, head), atTarget(gatherRows(head, targets))), w),
      sub(
        matmul(p, scaled, { transposeA: true }),
        scatterAddRows(atTarget(scaled), targets, dimension(head.shape, 0)),
      ),
    ];
  });
  return { loss, rowLosses, logits, best, target };
}
