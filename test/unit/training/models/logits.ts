import assert from "node:assert/strict";
import { wholeSequences } from "../../../../src/training/models/sequences/whole-sequences.ts";
import type { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { outputLogits } from "../../../../src/training/programs/loss-program.ts";

/** Logits of every position of one sequence, [length, vocabulary], row-major. */
export async function sequenceLogits(
  model: AdaptedModel,
  adapter: Float32Array,
  ids: ArrayLike<number>,
): Promise<Float32Array> {
  const { definition } = model.base;
  const { length } = ids;
  const own = { ids: BigInt64Array.from(Array.from(ids), BigInt) };
  const { logits } = await model.run(
    `logits ${length}`,
    ({ graph, blocks: over }) => {
      const blocks = over(wholeSequences(1, length));
      const hidden = blocks.hidden(graph.input("ids", [length], "i64"));
      return { logits: outputLogits(definition, blocks, hidden) };
    },
    model.feeds(adapter, own),
  );
  assert.ok(logits instanceof Float32Array);
  return logits;
}
