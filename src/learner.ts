/**
 * The learner without a network: base model, adapter, data and engine behind one asynchronous interface. The whole is
 * examples/train-alone.ts.
 *
 * ```ts
 * const learner = await createLearner(learnerOptions(parseConfig(settings, folder), STEPS));
 * for await (const event of trainAlone(learner, { steps: STEPS, evaluateEvery: 10, patience: 0 })) {
 *   if (event.kind !== "end") continue;
 *   await learner.exportAdapter(event.result.adapter, join(folder, "adapter"));
 * }
 * await learner.close();
 * ```
 *
 * `learnerOptions` of `klatch` fills in what a configuration leaves open; nothing else of a node is needed.
 *
 * @packageDocumentation
 */

export type * from "./training/index.ts";
export {
  adapterTargets,
  createLearner,
  parseHubModel,
  readAdapterClasses,
  readAdapterSeparator,
  readAdapterSettings,
  readRows,
  trainAlone,
} from "./training/index.ts";
export type * from "./types.ts";
