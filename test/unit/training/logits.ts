import assert from "node:assert/strict";
import { linear } from "../../../src/training/graph/matmul.ts";
import type { LoraModel } from "../../../src/training/lora-model.ts";
import { causalAttention } from "../../../src/training/models/causal-attention.ts";
import { headName, llamaHidden } from "../../../src/training/models/llama.ts";

/** Logits of every position of one sequence, [length, vocabulary], row-major. */
export async function sequenceLogits(
  model: LoraModel,
  adapter: Float32Array,
  ids: ArrayLike<number>,
): Promise<Float32Array> {
  const { config } = model.base;
  const { length } = ids;
  const program = await model.program(`logits ${length}`, (graph, parameters) => {
    const input = graph.input("ids", [1, length], "i64");
    const hidden = llamaHidden(config, parameters, input, causalAttention(config, 1, length));
    return { logits: linear(hidden, parameters.weight(headName(config))) };
  });
  const own = { ids: BigInt64Array.from(Array.from(ids), BigInt) };
  const { logits } = await program.run(model.feeds(adapter, own));
  assert.ok(logits instanceof Float32Array);
  return logits;
}
