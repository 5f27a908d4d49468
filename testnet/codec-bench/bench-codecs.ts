import { type CodecFigures, codecFigures } from "./figures.ts";
import { gaussian, studentT, trainedUpdate } from "./sources.ts";

export interface BenchCodecsOptions {
  /** Of the made-up sources. */
  readonly values: number;
  readonly seed: number;
  /** Timed repeats of every codec on every source. */
  readonly repeats: number;
  /** The third source: given, or trained here. */
  readonly recorded: { readonly source: string; readonly values: Float32Array } | null;
}

/** What every codec makes of Gaussian values, of heavy tails and of a recorded update. */
export async function benchCodecs({
  values,
  seed,
  repeats,
  recorded,
}: BenchCodecsOptions): Promise<readonly CodecFigures[]> {
  const third = recorded ?? { source: "update", values: await trainedUpdate(seed) };
  return [
    ...codecFigures("gaussian", gaussian(values, seed), repeats),
    ...codecFigures("student-t", studentT(values, seed), repeats),
    ...codecFigures(third.source, third.values, repeats),
  ];
}
