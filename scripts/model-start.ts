import type { Random } from "../src/random.ts";
import type { FloatTensor } from "../src/training/files/safetensors.ts";
import type { ModelDefinition } from "../src/training/models/definition.ts";
import { BEGIN_ID, END_ID } from "./tokenizer-files.ts";

/** The shape of the bundled model, as config.json has it. */
export function configJson(vocabSize: number, contextMax: number): Record<string, unknown> {
  return {
    architectures: ["LlamaForCausalLM"],
    attention_bias: false,
    attention_dropout: 0,
    bos_token_id: BEGIN_ID,
    eos_token_id: END_ID,
    head_dim: 32,
    hidden_act: "silu",
    hidden_size: 128,
    initializer_range: 0.02,
    intermediate_size: 352,
    max_position_embeddings: contextMax,
    mlp_bias: false,
    model_type: "llama",
    num_attention_heads: 4,
    num_hidden_layers: 4,
    num_key_value_heads: 2,
    rms_norm_eps: 1e-5,
    rope_scaling: null,
    rope_theta: 10_000,
    tie_word_embeddings: true,
    torch_dtype: "bfloat16",
    use_cache: true,
    vocab_size: vocabSize,
  };
}

/** A standard normal number (Box and Muller 1958). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * Start values: matrices normal with deviation 0.02, those that write into the residual stream smaller by
 * 1 / sqrt(2 layers) (GPT-2, Radford et al. 2019), norms one.
 */
export function startTensors(
  definition: ModelDefinition,
  random: Random,
): Map<string, FloatTensor> {
  const tensors = new Map<string, FloatTensor>();
  for (const [name, shape] of definition.weights) {
    const size = shape.reduce((product, n) => product * n, 1);
    const writes = name.endsWith("o_proj.weight") || name.endsWith("down_proj.weight");
    const deviation = 0.02 / (writes ? Math.sqrt(2 * definition.layers) : 1);
    const value = shape.length === 1 ? () => 1 : () => deviation * normal(random);
    tensors.set(name, { shape, data: Float32Array.from({ length: size }, value) });
  }
  return tensors;
}
