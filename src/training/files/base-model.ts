import type { Digest } from "../../types.ts";

/** What a Llama-type decoder is made of; parsed from a Hugging Face config.json. */
export interface LlamaConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  readonly normEpsilon: number;
  readonly ropeTheta: number;
  /** The output head is the embedding matrix. */
  readonly tiedEmbeddings: boolean;
  /** Longest sequence the model was made for, in tokens. */
  readonly contextMax: number;
  readonly bosId: number;
  /** Every id that ends a text; the first is the one that training appends. */
  readonly eosIds: readonly number[];
}

/** A weight as 32-bit floats, row-major. */
export interface BaseTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A frozen base model in memory. */
export interface BaseModel {
  readonly config: LlamaConfig;
  /**
   * A weight by its Hugging Face name, e.g. `model.layers.0.self_attn.q_proj.weight` with shape [out, in]. For a tied
   * model `model.embed_tokens.weight` and `lm_head.weight` are the same tensor. An unknown name is a bug and asserts.
   */
  tensor(name: string): BaseTensor;
  readonly digest: Digest;
  /** Number of parameters; a tied matrix counts once. */
  readonly parameters: number;
}
