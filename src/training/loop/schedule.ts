/** How the learning rate falls after warm-up. */
export interface RateSchedule {
  readonly shape: "constant" | "linear" | "cosine";
  /** Steps until the end, warm-up included; later steps keep the last rate. */
  readonly totalSteps: number;
  /** The rate at the end, as a share of the full rate. */
  readonly finalShare: number;
}

export interface RateOptions {
  readonly learningRate: number;
  /** Steps of linear warm-up from zero. */
  readonly warmupSteps: number;
  /** How the learning rate falls afterwards; constant when absent. */
  readonly schedule?: RateSchedule;
}

/**
 * The learning rate of step `step` (from 1): linear warm-up from zero, then constant, falling in a line, or along
 * half a cosine (Loshchilov & Hutter 2017, arXiv 1608.03983).
 */
export function learningRateAt(options: RateOptions, step: number): number {
  const { learningRate, warmupSteps, schedule } = options;
  if (step < warmupSteps) return (learningRate * step) / warmupSteps;
  if (schedule === undefined || schedule.shape === "constant") return learningRate;
  const { shape, totalSteps, finalShare } = schedule;
  const span = Math.max(1, totalSteps - warmupSteps);
  const progress = Math.min(1, (step - warmupSteps) / span);
  const left = shape === "linear" ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2;
  return learningRate * (finalShare + (1 - finalShare) * left);
}
