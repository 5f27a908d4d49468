import { plainRotation, type Rotation } from "../layers/rotation.ts";

/** How a model's rotation was stretched for longer texts, as plain data; names as in Hugging Face's `rope_type`. */
export type RotaryScaling =
  /** Every frequency divided by `factor` (Chen et al. 2023, arXiv 2306.15595). */
  { readonly type: "linear"; readonly factor: number } | Llama3Scaling | YarnScaling | LongScaling;

/** Low frequencies divided by `factor`, high ones kept, between them a ramp (Llama 3.1's model card). */
interface Llama3Scaling {
  readonly type: "llama3";
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  readonly originalContext: number;
}

/** Peng et al. 2023, arXiv 2309.00071: a ramp over the pairs, and larger scores. */
interface YarnScaling {
  readonly type: "yarn";
  readonly factor: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  readonly truncate: boolean;
  readonly magnitude: number;
  readonly originalContext: number;
}

/** Ding et al. 2024, arXiv 2402.13753: a divisor for each pair, others beyond the original context. */
interface LongScaling {
  readonly type: "longrope";
  readonly shortFactors: readonly number[];
  readonly longFactors: readonly number[];
  readonly magnitude: number;
  readonly originalContext: number;
}

/** The rotation of `size` numbers of each head. */
export function scaledRotation(size: number, theta: number, scaling?: RotaryScaling): Rotation {
  const plain = plainRotation(size, theta);
  const { frequencies } = plain;
  switch (scaling?.type) {
    case undefined:
      return plain;
    case "linear":
      return { ...plain, frequencies: frequencies.map((each) => each / scaling.factor) };
    case "llama3":
      return { ...plain, frequencies: frequencies.map((each) => llama3(each, scaling)) };
    case "yarn":
      return { frequencies: yarn(frequencies, theta, scaling), magnitude: scaling.magnitude };
    case "longrope": {
      const { shortFactors, longFactors, magnitude, originalContext } = scaling;
      const by = (factors: readonly number[]) => frequencies.map((f, i) => f / (factors[i] ?? 1));
      const beyond = { after: originalContext, frequencies: by(longFactors) };
      return { frequencies: by(shortFactors), magnitude, beyond };
    }
  }
}

/** What a definition says of its rotations: where texts are turned otherwise. */
export function turningPoints(...scalings: readonly (RotaryScaling | undefined)[]): {
  readonly turningPoints?: readonly number[];
} {
  const points = scalings.flatMap((each) =>
    each?.type === "longrope" ? [each.originalContext] : [],
  );
  return points.length === 0 ? {} : { turningPoints: points };
}

// --- internal ---

function llama3(frequency: number, scaling: Llama3Scaling): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContext } = scaling;
  const turns = (originalContext * frequency) / (2 * Math.PI);
  if (turns < low) return frequency / factor;
  if (turns > high) return frequency;
  const kept = (turns - low) / (high - low);
  return ((1 - kept) * frequency) / factor + kept * frequency;
}

function yarn(frequencies: readonly number[], theta: number, scaling: YarnScaling): number[] {
  const { factor, betaFast, betaSlow, truncate, originalContext } = scaling;
  const size = 2 * frequencies.length;
  // The pair that makes `turns` turns over the original context.
  const pairOf = (turns: number) =>
    (size * Math.log(originalContext / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [pairOf(betaFast), pairOf(betaSlow)];
  const start = Math.max(truncate ? Math.floor(first) : first, 0);
  const end = Math.min(truncate ? Math.ceil(last) : last, size - 1);
  const width = start === end ? 0.001 : end - start;
  return frequencies.map((frequency, pair) => {
    const stretched = Math.min(Math.max((pair - start) / width, 0), 1);
    return (frequency / factor) * stretched + frequency * (1 - stretched);
  });
}
