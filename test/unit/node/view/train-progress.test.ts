import { describe, expect, test } from "vitest";
import { noticeView } from "../../../../src/node/view/notice-view.ts";
import { TrainProgress } from "../../../../src/node/view/train-progress.ts";

/** A terminal that keeps what is written to it, and the view of a training of four steps on it. */
function watch(unit?: "tokens" | "texts", seconds = 0.5) {
  const notes: string[] = [];
  const drawn: string[] = [];
  let now = 0;
  const terminal = {
    note: (text: string) => void notes.push(text),
    overwrite: (text: string) => void drawn.push(text),
  };
  const progress = new TrainProgress(4, terminal, unit, () => now);
  const step = (number: number, at: number) => {
    now = at;
    const rest = { gradientNorm: 1, learningRate: 0.1, tokens: 50, positions: 80, seconds };
    progress.show({ kind: "step", metrics: { step: number, loss: number, ...rest } });
  };
  return { notes, drawn, terminal, progress, step };
}

const heldOut = { loss: 2, perplexity: 7, tokens: 1, examples: 1, exactMatch: 0 };

describe("how a training goes", () => {
  test("is drawn after a step, at most ten times a second, within 80 columns", () => {
    const { drawn, step } = watch();
    step(1, 0);
    step(2, 50);
    step(3, 120);
    step(4, 130);
    expect(drawn).toEqual([
      "[######..................] 25 %  step 1/4  loss 1.0000  160 tokens/s",
      "[##################......] 75 %  step 3/4  loss 2.0000  160 tokens/s",
      "[########################] 100 %  step 4/4  loss 2.5000  160 tokens/s",
    ]);
    expect(Math.max(...drawn.map((line) => line.length))).toBeLessThan(80);
  });

  test("says how long the rest will take, within 80 columns", () => {
    const { drawn, step } = watch();
    step(1, 0);
    step(2, 600_000);
    step(3, 1_200_000);
    expect(drawn.map((line) => line.replace(/^.*loss [0-9.]+ +/, ""))).toEqual([
      "160 tokens/s",
      "20 min left",
      "10 min left",
    ]);
    expect(Math.max(...drawn.map((line) => line.length))).toBeLessThan(80);
  });

  test("is a line for each evaluation, with the mean since the one before", () => {
    const { notes, progress, step } = watch();
    step(1, 0);
    step(2, 1000);
    progress.show({ kind: "evaluation", step: 2, heldOut });
    step(3, 2000);
    progress.show({ kind: "evaluation", step: 3, heldOut });
    expect(notes).toEqual([
      "step 2/4  loss 1.5000  held out 2.0000  160 tokens/s",
      "step 3/4  loss 3.0000  held out 2.0000  160 tokens/s",
    ]);
  });

  test("counts the texts of a classifier, and tells slow from standing still", () => {
    const { drawn, step } = watch("texts", 100);
    step(1, 0);
    expect(drawn).toEqual(["[######..................] 25 %  step 1/4  loss 1.0000  0.5 texts/s"]);
  });
});

test("what a learner changes is noted, how far it has come is drawn over", () => {
  const { notes, drawn, terminal } = watch();
  const show = noticeView(terminal);
  show({ kind: "progress", message: "reading data", facts: { rows: 2048 } });
  show({ kind: "change", message: "the engine failed", facts: { engine: "onnx:webgpu" } });
  expect(drawn).toEqual(["reading data (rows 2048)"]);
  expect(notes).toEqual(["the engine failed (engine onnx:webgpu)"]);
});
