import { type ErrorCode, KlatchError } from "../../errors.ts";
import type { ModelOrigin } from "../files/hub/options.ts";
import { Stopped } from "../loop/stopped.ts";
import type { StepMetrics, TrainHooks } from "../loop/train-step.ts";
import type { LearnerCore } from "./core.ts";
import type { LearnerInfo, LearnerNotice, LearnerOptions } from "./learner.ts";

/** What the worker starts with: options whose model is a folder, and where that came from. */
export interface WorkerTask {
  readonly options: LearnerOptions;
  readonly origin: ModelOrigin | null;
}

/** What the learner can be asked, as it runs in the worker. */
type Duties = Pick<
  LearnerCore,
  | "initialAdapter"
  | "train"
  | "evaluate"
  | "probe"
  | "slope"
  | "generate"
  | "classify"
  | "exportAdapter"
  | "exportMerged"
  | "importAdapter"
  | "planMemory"
  | "close"
>;
export type Duty = keyof Duties;
type WithoutHooks<P extends unknown[]> = P extends [...infer Rest, TrainHooks] ? Rest : P;
/** Arguments that travel: all but the functions by which the worker asks whether to stop and tells of steps. */
export type Arguments<D extends Duty> = WithoutHooks<Parameters<Duties[D]>>;
export type Result<D extends Duty> = Awaited<ReturnType<Duties[D]>>;

/** One request to the worker. */
export type Call = { readonly id: number } & {
  [D in Duty]: { readonly duty: D; readonly arguments: Arguments<D> };
}[Duty];

export type ToWorker = Call | { readonly stop: number };

/** An error as it travels between threads. */
export interface PlainError {
  readonly code: ErrorCode | "stopped";
  readonly message: string;
  readonly hint: string;
}

export type FromWorker =
  | { readonly ready: LearnerInfo }
  | { readonly notice: LearnerNotice }
  /** Another one than before. */
  | { readonly engine: string }
  | { readonly failed: PlainError }
  | { readonly id: number; readonly step: StepMetrics }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: PlainError };

/** Any error as plain data; what is not a KlatchError is a bug and keeps its stack in the message. */
export function toPlain(error: unknown): PlainError {
  if (error instanceof KlatchError) {
    return { code: error.code, message: error.message, hint: error.hint };
  }
  if (error instanceof Stopped) return { code: "stopped", message: "stopped", hint: "" };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: "internal", message, hint: "this is a bug in Klatch: please report it" };
}

export function fromPlain({ code, message, hint }: PlainError): Error {
  return code === "stopped" ? new Stopped(message) : new KlatchError(code, message, hint);
}
