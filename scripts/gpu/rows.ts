import { z } from "zod";
import { ENGINE_NAMES, type EngineName } from "../../src/types.ts";

export const DTYPES = ["f32", "f16"] as const;
export type DType = (typeof DTYPES)[number];
export type Program = EngineName | "pytorch";

/** One program on one model. */
export interface Row {
  readonly model: string;
  readonly dtype: DType;
  readonly program: Program;
}

/** What every other row of a model is compared with. */
export const REFERENCE = { program: "onnx:cpu", dtype: "f32" } as const;

/** What one program made of a model; what this machine does not tell is null. */
export interface Figures {
  readonly loss: number;
  /** See `gradientDifference`; null without the reference. */
  readonly gradientDifference: number | null;
  readonly tokensPerSecond: number;
  /** The greatest resident size of the process, in bytes. */
  readonly peakBytes: number;
  /** What the card held at most beyond what it held before, in bytes. */
  readonly deviceBytes: number | null;
  /** Whether the CPU computed what a card could have. */
  readonly onCpu: boolean;
  /** What the program's name does not say of it. */
  readonly remark: string | null;
}

export type Outcome =
  | { readonly state: "measured"; readonly figures: Figures }
  | { readonly state: "failed" | "not reached"; readonly reason: string };

export const NOT_REACHED: Outcome = { state: "not reached", reason: "the call's time was over" };

/** Programs whose figures are wanted first; the others come when every model has had these. */
const FIRST: readonly Program[] = ["pytorch", "onnx:webgpu", "onnx:cuda", "onnx:cpu"];

/**
 * All rows, those that matter most first: model by model, the reference before what is compared with it. The
 * reference is there whether it was asked for or not.
 */
export function planRows(
  models: readonly string[],
  dtypes: readonly DType[],
  programs: readonly Program[],
): readonly Row[] {
  const rowsOf = (some: readonly Program[]) =>
    models.flatMap((model) =>
      dtypes.flatMap((dtype) => some.map((program) => ({ model, dtype, program }))),
    );
  const references = models.map((model) => ({ model, ...REFERENCE }));
  const first = rowsOf(FIRST.filter((each) => programs.includes(each)));
  const others = rowsOf(ENGINE_NAMES.filter((e) => programs.includes(e) && !FIRST.includes(e)));
  const byModel = models.flatMap((model) =>
    [...references, ...first].filter((row) => row.model === model),
  );
  return distinct([...byModel, ...others]);
}

/** A process that is given less could only be ended again. */
const SECONDS_MIN = 10;
/** For ending a process and writing the table. */
const SECONDS_RESERVED = 5;

/** How many seconds a row may take of those that are left; null when it is not worth a start. */
export function rowLimit(left: number, limit: number): number | null {
  const most = Math.floor(Math.min(limit, left - SECONDS_RESERVED));
  return most < Math.min(limit, SECONDS_MIN) ? null : most;
}

/** What a flag with a comma between names means. */
export function listOf<const Name extends string>(names: readonly Name[]) {
  return z
    .string()
    .transform((text) => text.split(","))
    .pipe(z.array(z.enum(names)).min(1));
}

// --- internal ---

function distinct(rows: readonly Row[]): readonly Row[] {
  return [...new Map(rows.map((row) => [Object.values(row).sort().join(" "), row])).values()];
}
