import { expect, test } from "vitest";
import { sizeOf } from "../../../../src/training/graph/value.ts";
import { parseModelConfig } from "../../../../src/training/models/architectures/architectures.ts";

type Config = Readonly<Record<string, unknown>>;

const parse = (config: Config) => parseModelConfig(JSON.stringify(config), "config.json");

function named(architecture: string, layers: number, settings: Config): Config {
  return { architectures: [architecture], num_hidden_layers: layers, ...settings };
}

const llama = (hidden: number, heads: number, kv: number, ff: number, vocab: number): Config => ({
  ...{ hidden_size: hidden, num_attention_heads: heads, num_key_value_heads: kv },
  ...{ intermediate_size: ff, vocab_size: vocab },
});

/** The sizes of models on the hub, and the number of parameters that their cards or files state. */
const MODELS: readonly (readonly [string, Config, number])[] = [
  [
    "SmolLM2-135M",
    named("LlamaForCausalLM", 30, { ...llama(576, 9, 3, 1536, 49_152), tie_word_embeddings: true }),
    134_515_008,
  ],
  [
    "Llama-3.2-1B",
    named("LlamaForCausalLM", 16, {
      ...llama(2048, 32, 8, 8192, 128_256),
      ...{ head_dim: 64, tie_word_embeddings: true, rope_theta: 500_000 },
      rope_scaling: {
        ...{ rope_type: "llama3", factor: 32, low_freq_factor: 1, high_freq_factor: 4 },
        original_max_position_embeddings: 8192,
      },
    }),
    1_235_814_400,
  ],
  [
    "Mistral-7B-v0.1",
    named("MistralForCausalLM", 32, llama(4096, 32, 8, 14_336, 32_000)),
    7_241_732_096,
  ],
  [
    "Qwen2.5-0.5B",
    named("Qwen2ForCausalLM", 24, {
      ...llama(896, 14, 2, 4864, 151_936),
      ...{ tie_word_embeddings: true, eos_token_id: 151_643 },
    }),
    494_032_768,
  ],
  [
    "Qwen3-0.6B",
    named("Qwen3ForCausalLM", 28, {
      ...llama(1024, 16, 8, 3072, 151_936),
      ...{ head_dim: 128, tie_word_embeddings: true, eos_token_id: 151_645 },
    }),
    596_049_920,
  ],
  [
    "SmolLM3-3B",
    named("SmolLM3ForCausalLM", 36, llama(2048, 16, 4, 11_008, 128_256)),
    3_075_098_624,
  ],
  [
    "Phi-3-mini-4k",
    named("Phi3ForCausalLM", 32, { ...llama(3072, 32, 32, 8192, 32_064), sliding_window: 2047 }),
    3_821_079_552,
  ],
  [
    "gemma-2-2b",
    named("Gemma2ForCausalLM", 26, { ...llama(2304, 8, 4, 9216, 256_000), head_dim: 256 }),
    2_614_341_888,
  ],
  [
    "gemma-3-1b",
    named("Gemma3ForCausalLM", 26, { ...llama(1152, 4, 1, 6912, 262_144), sliding_window: 512 }),
    999_885_952,
  ],
  ["gpt2", { model_type: "gpt2" }, 124_439_808],
  [
    "pythia-70m",
    named("GPTNeoXForCausalLM", 6, {
      ...{ hidden_size: 512, num_attention_heads: 8, intermediate_size: 2048, vocab_size: 50_304 },
      ...{ eos_token_id: 0, rotary_pct: 0.25, rotary_emb_base: 10_000 },
    }),
    70_426_624,
  ],
];

test.each(MODELS)("%s has the number of parameters that it is known for", (_, config, count) => {
  const sizes = [...parse(config).weights.values()].map(sizeOf);
  expect(sizes.reduce((a, b) => a + b, 0)).toBe(count);
});

test("the layers of Gemma 3 that see all are every sixth, of Gemma 2 every second", () => {
  const local = (name: string) => {
    const config = MODELS.find(([each]) => each === name)?.[1] ?? {};
    const { layerWindows } = parse(config).settings as { layerWindows: (number | null)[] };
    return layerWindows.slice(0, 6).map((window) => window !== null);
  };
  expect(local("gemma-3-1b")).toEqual([true, true, true, true, true, false]);
  expect(local("gemma-2-2b")).toEqual([true, false, true, false, true, false]);
});

test("a copy saved by a newer release, its rotation in rope_parameters, is the same model", () => {
  const [, config = {}] = MODELS.find(([name]) => name === "Llama-3.2-1B") ?? [];
  const { rope_theta, rope_scaling, ...rest } = config;
  const newer = { ...rest, rope_parameters: { ...(rope_scaling as object), rope_theta } };
  expect(parse(newer).settings).toEqual(parse(config).settings);
});

const QWEN = named("Qwen2ForCausalLM", 2, llama(32, 4, 2, 48, 64));
const PHI = named("Phi3ForCausalLM", 2, { ...llama(32, 4, 2, 48, 64), eos_token_id: 2 });
const NEOX = named("GPTNeoXForCausalLM", 2, llama(32, 4, 4, 48, 64));
const GEMMA = named("Gemma2ForCausalLM", 2, llama(32, 4, 2, 48, 64));

const SMOL = named("SmolLM3ForCausalLM", 2, {
  ...llama(32, 4, 2, 48, 64),
  bos_token_id: 1,
  eos_token_id: 2,
});

test("Gemma without a window for its local layers is refused", () => {
  expect(() => parse({ ...GEMMA, sliding_window: null })).toThrowError(/sliding_window/);
  expect(parse(GEMMA).windows).toEqual([4096]);
});

const REFUSED: readonly (readonly [string, Config, RegExp])[] = [
  ["no id that ends a text", QWEN, /eos_token_id is missing/],
  [
    "a factor too few for LongRoPE's pairs",
    {
      ...PHI,
      rope_scaling: { type: "longrope", short_factor: [1, 1, 1], long_factor: [1, 1, 1, 1] },
    },
    /longrope has 3 factors for 4 pairs/,
  ],
  [
    "no long factors",
    { ...PHI, rope_scaling: { type: "su", short_factor: [1, 1, 1, 1] } },
    /long_factor/,
  ],
  ["half a pair of rotated numbers", { ...NEOX, rotary_pct: 0.4 }, /3 rotated numbers/],
  ["an unknown activation", { ...NEOX, hidden_act: "mish" }, /hidden_act is mish; supported: gelu/],
  ["Gemma that looks ahead", { ...GEMMA, use_bidirectional_attention: true }, /bidirectional/],
  [
    "the kinds of fewer layers than there are",
    { ...QWEN, eos_token_id: 2, layer_types: ["full_attention"] },
    /layer_types names 1 of 2 layers/,
  ],
  [
    "and of more",
    { ...GEMMA, layer_types: Array(3).fill("sliding_attention") },
    /layer_types names 3 of 2 layers/,
  ],
  [
    "rotations of some layers only",
    { ...SMOL, no_rope_layers: [1] },
    /no_rope_layers names 1 of 2/,
  ],
  ["SmolLM3 that looks ahead", { ...SMOL, is_causal: false }, /is_causal is false: this decoder/],
  ["a decoder that null makes look ahead", { ...NEOX, is_causal: null }, /is_causal is null/],
  [
    "a classifier that looks ahead",
    { ...SMOL, architectures: ["SmolLM3ForSequenceClassification"], is_causal: false },
    /is_causal is false/,
  ],
  [
    "a share of a head beside a scaled rotation of whole ones",
    { ...SMOL, partial_rotary_factor: 0.5, rope_scaling: { rope_type: "linear", factor: 2 } },
    /partial_rotary_factor is 0\.5 beside a scaled rotation/,
  ],
  ["cross-attention", { model_type: "gpt2", add_cross_attention: true }, /add_cross_attention/],
  [
    "heads that do not divide GPT-2's width",
    { model_type: "gpt2", n_head: 7 },
    /768 is not a multiple of 7/,
  ],
];

test.each(REFUSED)("%s is refused", (_, config, message) => {
  expect(() => parse(config)).toThrowError(
    expect.objectContaining({ code: "incompatible", message: expect.stringMatching(message) }),
  );
});

test("a decoder that says that it looks back, and an encoder that looks both ways, are read", () => {
  expect(parse({ ...SMOL, is_causal: true }).settings).toEqual(parse(SMOL).settings);
  const bert = named("BertModel", 2, {
    ...{ vocab_size: 64, hidden_size: 32, num_attention_heads: 4, intermediate_size: 48 },
    is_causal: false,
  });
  expect(parse(bert).layers).toBe(2);
});

test("partial_rotary_factor counts where the architecture has it, and for nothing elsewhere", () => {
  const half = { partial_rotary_factor: 0.5 };
  const inside = { rope_parameters: { rope_type: "default", rope_theta: 10_000, ...half } };
  for (const config of [SMOL, { ...QWEN, eos_token_id: 2 }, GEMMA]) {
    expect(parse({ ...config, ...half }).settings).toEqual(parse(config).settings);
  }
  expect(parse({ ...SMOL, ...inside }).settings).toMatchObject(
    parse({ ...SMOL, rope_theta: 10_000 }).settings,
  );
  expect(parse({ ...PHI, ...half }).settings).toMatchObject({ rotarySize: 4 });
  expect(parse({ ...NEOX, ...half }).settings).toMatchObject({ rotary: { size: 4 } });
});
