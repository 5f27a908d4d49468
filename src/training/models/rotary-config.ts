import { z } from "zod";
import { dimension, positive, refuse } from "./config-fields.ts";
import type { RotaryScaling } from "./rotary-scaling.ts";

const PAIRS_MAX = 2048;
const factors = z.array(positive).max(PAIRS_MAX).nullish();

/** The settings of one rotation: the whole of `rope_parameters`, or what the older `rope_scaling` holds. */
export const rotaryFields = z.object({
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  rope_theta: positive.nullish(),
  partial_rotary_factor: positive.max(1).nullish(),
  factor: positive.nullish(),
  low_freq_factor: positive.nullish(),
  high_freq_factor: positive.nullish(),
  original_max_position_embeddings: dimension.nullish(),
  attention_factor: positive.nullish(),
  mscale: z.number().finite().nullish(),
  mscale_all_dim: z.number().finite().nullish(),
  beta_fast: positive.nullish(),
  beta_slow: positive.nullish(),
  truncate: z.boolean().nullish(),
  short_factor: factors,
  long_factor: factors,
});
type RawRotary = z.infer<typeof rotaryFields>;

/** The keys of config.json about rotary embeddings: older files have `rope_theta` and `rope_scaling` side by side. */
export const rotaryConfigFields = {
  rope_theta: positive.nullish(),
  partial_rotary_factor: positive.max(1).nullish(),
  rope_scaling: rotaryFields.nullish(),
  rope_parameters: rotaryFields.nullish(),
  original_max_position_embeddings: dimension.nullish(),
};

interface RawConfig {
  readonly rope_theta?: number | null | undefined;
  readonly partial_rotary_factor?: number | null | undefined;
  readonly rope_scaling?: RawRotary | null | undefined;
  readonly rope_parameters?: RawRotary | null | undefined;
  readonly original_max_position_embeddings?: number | null | undefined;
  readonly max_position_embeddings: number;
}

export interface RotaryConfig {
  readonly theta: number;
  /** How many numbers of each head are rotated, the first ones. */
  readonly size: number;
  readonly scaling?: RotaryScaling;
}

/**
 * The rotation that config.json asks for; `defaults` where it says nothing. Refuses what is not computed.
 *
 * @param defaults `share` is that of a head that is rotated. Architectures without one rotate whole heads whatever
 *   `partial_rotary_factor` says, as in transformers, where they fail when it stands beside a scaled rotation.
 */
export function readRotary(
  raw: RawConfig,
  headDim: number,
  defaults: { readonly theta: number; readonly share?: number | undefined },
  file: string,
): RotaryConfig {
  const rotary = raw.rope_scaling ?? raw.rope_parameters ?? {};
  const asked = rotary.partial_rotary_factor ?? raw.partial_rotary_factor;
  const share = rotatedShare(asked, rotary, defaults.share, file);
  const theta = rotary.rope_theta ?? raw.rope_theta ?? defaults.theta;
  const original =
    raw.original_max_position_embeddings ??
    rotary.original_max_position_embeddings ??
    raw.max_position_embeddings;
  const scaling = readScaling(rotary, original, raw.max_position_embeddings, file);
  const size = Math.floor(headDim * share);
  if (size < 2 || size % 2 !== 0) {
    throw refuse(file, `${size} rotated numbers of each head are no pairs`);
  }
  if (scaling?.type === "longrope") {
    for (const { length } of [scaling.shortFactors, scaling.longFactors]) {
      if (length === size / 2) continue;
      throw refuse(file, `longrope has ${length} factors for ${size / 2} pairs`);
    }
  }
  return { theta, size, ...(scaling === undefined ? {} : { scaling }) };
}

// --- internal ---

const typeOf = ({ rope_type, type }: RawRotary) => rope_type ?? type ?? "default";

/** The share of a head that is rotated, from what is asked for and what the architecture has; see `readRotary`. */
function rotatedShare(
  asked: number | null | undefined,
  rotary: RawRotary,
  usual: number | undefined,
  file: string,
): number {
  if (usual !== undefined) return asked ?? usual;
  if ((asked ?? 1) === 1 || typeOf(rotary) === "default") return 1;
  throw refuse(file, `partial_rotary_factor is ${asked} beside a scaled rotation of whole heads`);
}

function readScaling(
  rotary: RawRotary,
  originalContext: number,
  context: number,
  file: string,
): RotaryScaling | undefined {
  const type = typeOf(rotary);
  const need = <T>(value: T | null | undefined, name: string): T => {
    if (value !== null && value !== undefined) return value;
    throw refuse(file, `the rotary embedding of type ${type} has no ${name}`);
  };
  const stretch = rotary.factor ?? context / originalContext;
  switch (type) {
    case "default":
    // Changes the rotation beyond max_position_embeddings only, where no sequence of ours ends.
    case "dynamic":
      return undefined;
    case "linear":
      return { type, factor: need(rotary.factor, "factor") };
    case "llama3": {
      const lowFrequencyFactor = need(rotary.low_freq_factor, "low_freq_factor");
      const highFrequencyFactor = need(rotary.high_freq_factor, "high_freq_factor");
      const factor = need(rotary.factor, "factor");
      return { type, factor, lowFrequencyFactor, highFrequencyFactor, originalContext };
    }
    case "yarn": {
      const { beta_fast, beta_slow, truncate } = rotary;
      const betas = { betaFast: beta_fast ?? 32, betaSlow: beta_slow ?? 1 };
      const magnitude = yarnMagnitude(rotary, stretch);
      const whole = { truncate: truncate ?? true, magnitude, originalContext };
      return { type, factor: stretch, ...betas, ...whole };
    }
    case "longrope":
    case "su": {
      const shortFactors = need(rotary.short_factor, "short_factor");
      const longFactors = need(rotary.long_factor, "long_factor");
      const grown = Math.sqrt(1 + Math.log(stretch) / Math.log(originalContext));
      const magnitude = rotary.attention_factor ?? (stretch > 1 ? grown : 1);
      return { type: "longrope", shortFactors, longFactors, magnitude, originalContext };
    }
    default:
      throw refuse(file, `rotary embeddings of type ${type} are not supported`);
  }
}

function yarnMagnitude(rotary: RawRotary, stretch: number): number {
  const grown = (weight: number) => (stretch <= 1 ? 1 : 0.1 * weight * Math.log(stretch) + 1);
  const { attention_factor, mscale, mscale_all_dim } = rotary;
  if (attention_factor) return attention_factor;
  return mscale && mscale_all_dim ? grown(mscale) / grown(mscale_all_dim) : grown(1);
}
