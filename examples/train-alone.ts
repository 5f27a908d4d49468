/**
 * The learner alone: trains an adapter of the bundled model on a few rows, tells the loss on others before and after, and writes
 * it as a folder that Hugging Face PEFT loads.
 *
 *     node -C klatch-source examples/train-alone.ts FOLDER     in a checkout
 *     node train-alone.ts FOLDER                               where klatch is installed
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { learnerOptions, parseConfig } from "klatch";
import { createLearner, trainAlone } from "klatch/learner";

const STEPS = 40;
const folder = resolve(process.argv[2] ?? "klatch-example");
console.log(`working in ${folder}`);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "train.jsonl"), rowsFrom(0, 60).join("\n"));
writeFileSync(join(folder, "test.jsonl"), rowsFrom(60, 80).join("\n"));

const settings = {
  run: { batchSize: 8, sequenceMax: 32, adapter: { kind: "lora", rank: 4 } },
  data: { train: ["train.jsonl"], test: ["test.jsonl"], heldOutShare: 0.2 },
  engine: { threads: 1 },
  cache: "cache",
};
const learner = await createLearner(learnerOptions(parseConfig(settings, folder), STEPS));
const before = await learner.evaluate(await learner.initialAdapter(), "test");
for await (const event of trainAlone(learner, { steps: STEPS, evaluateEvery: 10, patience: 0 })) {
  if (event.kind === "evaluation") {
    console.log(`step ${event.step}: ${event.heldOut.loss.toFixed(2)} on what is held out`);
  }
  if (event.kind !== "end") continue;
  const after = await learner.evaluate(event.result.adapter, "test");
  await learner.exportAdapter(event.result.adapter, join(folder, "adapter"));
  console.log(`test loss ${before.loss.toFixed(2)} before, ${after.loss.toFixed(2)} after`);
}
await learner.close();
console.log(`written to ${join(folder, "adapter")}`);

/** Questions that have one answer for even numbers and one for odd ones. */
function rowsFrom(first: number, end: number): readonly string[] {
  return Array.from({ length: end - first }, (_, index) => first + index).map((day) =>
    JSON.stringify({
      prompt: `Is the library open on day ${day}?`,
      completion: day % 2 === 0 ? "Yes, until six." : "No, come tomorrow.",
    }),
  );
}
