/** Hidden size, layers, heads, key-value heads, intermediate size, vocabulary of a tied Llama. */
export type Sizes = readonly [number, number, number, number, number, number];
export type Shape = Sizes | KnownShape;

/** The sizes of models that people know, as their config.json has them. */
export const KNOWN_SHAPES = {
  "smollm2-135m": {
    architectures: ["LlamaForCausalLM"],
    hidden_size: 576,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    intermediate_size: 1536,
    vocab_size: 49_152,
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-5,
    rope_theta: 100_000,
    tie_word_embeddings: true,
    bos_token_id: 0,
    eos_token_id: 0,
  },
  "qwen2.5-0.5b": {
    architectures: ["Qwen2ForCausalLM"],
    hidden_size: 896,
    num_hidden_layers: 24,
    num_attention_heads: 14,
    num_key_value_heads: 2,
    intermediate_size: 4864,
    vocab_size: 151_936,
    max_position_embeddings: 32_768,
    rms_norm_eps: 1e-6,
    rope_theta: 1_000_000,
    tie_word_embeddings: true,
    bos_token_id: 151_643,
    eos_token_id: 151_643,
  },
} as const;
export type KnownShape = keyof typeof KNOWN_SHAPES;

/** Whether `name` is one of `KNOWN_SHAPES`. */
export function isKnownShape(name: string): name is KnownShape {
  return Object.hasOwn(KNOWN_SHAPES, name);
}
