import type { AloneResult, Learner, MemoryPlan } from "../../training/index.ts";
import type { Evaluation } from "../../types.ts";
import { dataNotes, describeExamples } from "./data-notes.ts";
import { describeModel, perSecond } from "./table.ts";

/** What the adapter's README says was measured. */
export function trainFigures(
  { bestStep, loss, heldOut }: AloneResult,
  before: Evaluation | null,
  test: Evaluation | null,
): readonly (readonly [string, string])[] {
  const nats = (value: number) => `${value.toFixed(4)} nats`;
  return [
    ["steps", String(bestStep)],
    ["loss in training", nats(loss)],
    ...(heldOut === null ? [] : [["loss on held-out rows", nats(heldOut.loss)] as const]),
    ...(before === null || test === null
      ? []
      : [["loss on test rows", `${nats(before.loss)} before, ${nats(test.loss)} after`] as const]),
  ];
}

/** Of a training: what `--json` prints. */
export function trainReport(
  result: AloneResult,
  info: Learner["info"],
  rest: {
    readonly out: string;
    readonly epochs: number;
    readonly memory: MemoryPlan;
    readonly before: Evaluation | null;
    readonly test: Evaluation | null;
    /** The step that it went on behind; null of a training that began. */
    readonly resumedFrom: number | null;
    /** The step that `--resume` goes on behind; null where nothing is kept. */
    readonly checkpoint: number | null;
  },
) {
  const { adapter: _, tokens, positions, seconds, ...facts } = result;
  // As `bench` counts: prompts take as long as answers. Of a classifier, texts.
  const read = info.classes === null ? positions : tokens;
  return {
    ...facts,
    tokens,
    seconds,
    positions,
    tokensPerSecond: read / Math.max(1e-9, seconds),
    engine: info.engine,
    model: { digest: info.modelDigest, origin: info.modelOrigin },
    parameters: info.parameters,
    trained: info.layout.length,
    classes: info.classes,
    data: info.data,
    ...rest,
  };
}

/** The same in lines for a person. */
export function describeTraining(report: ReturnType<typeof trainReport>): readonly string[] {
  const { before, test, heldOut, checkpoint } = report;
  const share = ((100 * report.trained) / report.parameters).toFixed(2);
  const [unit, match] = report.classes === null ? ["token", "exact match"] : ["text", "accuracy"];
  const why = report.error === null ? report.reason : `${report.reason}: ${report.error}`;
  return [
    `training    ${why} after ${report.steps} ${report.steps === 1 ? "step" : "steps"} (${report.epochs.toFixed(2)} epochs); kept the state of step ${report.bestStep}`,
    `adapter     ${report.trained} numbers, ${share} % of the model's ${report.parameters}`,
    `loss        ${report.loss.toFixed(4)} nats per ${unit} in training`,
    ...(heldOut === null ? [] : [`held out    ${heldOut.loss.toFixed(4)} nats per ${unit}`]),
    ...(before === null || test === null
      ? []
      : [
          `test        ${before.loss.toFixed(4)} before, ${test.loss.toFixed(4)} after, nats per ${unit}; ${match} ${(100 * test.exactMatch).toFixed(1)} %`,
        ]),
    `data        ${describeExamples(report.data)}`,
    ...dataNotes(report.data).map((note) => `note        ${note}`),
    `model       ${describeModel(report.model)}`,
    `speed       ${perSecond(report.tokensPerSecond)} ${unit}s per second on ${report.engine}`,
    `written to  ${report.out}`,
    ...(checkpoint === null ? [] : [`go on       --resume goes on behind step ${checkpoint}`]),
  ];
}
