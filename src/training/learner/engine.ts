import { withFallback } from "../engine/fallback-engine.ts";
import { type OpenedEngine, openEngine } from "../engine/open-engine.ts";
import type { LearnerNotice, LearnerOptions } from "./learner.ts";

/**
 * The engine that a learner's options ask for, with the CPU behind it when they ask for that too.
 *
 * @throws KlatchError `engine` when it cannot be had
 */
export async function openLearnerEngine(
  { engine: choice, threads, onEngineLoss }: LearnerOptions,
  onNotice: (notice: LearnerNotice) => void,
): Promise<OpenedEngine> {
  const { engine, passedOver } = await openEngine(choice, { threads });
  if (engine.name === "onnx:cpu" || onEngineLoss === "stop") return { engine, passedOver };
  const openCpu = async () => (await openEngine("onnx:cpu", { threads })).engine;
  const onLoss = ({ message }: Error) => {
    const facts = { engine: engine.name, reason: message };
    onNotice({ kind: "change", message: "the engine failed: going on on the CPU", facts });
  };
  return { engine: withFallback(engine, openCpu, onLoss), passedOver };
}
