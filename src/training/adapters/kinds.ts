import type { BaseModel } from "../base/base-model.ts";
import type { Adapter } from "./adapter.ts";
import { createBitfit } from "./methods/bitfit.ts";
import { createBottleneck } from "./methods/bottleneck.ts";
import { createDora } from "./methods/dora.ts";
import { createIa3 } from "./methods/ia3.ts";
import { createLora } from "./methods/lora.ts";
import { createLoraXs } from "./methods/lora-xs.ts";
import { createPrefix } from "./methods/prefix.ts";
import { createPrompt } from "./methods/prompt.ts";
import { type AdapterSettings, checkAdapterSettings } from "./options.ts";
import { withWholeWeights } from "./whole-weights.ts";

/**
 * The adapter of the chosen method on a base model.
 *
 * @throws KlatchError `usage` for a setting out of bounds or a target that the model does not have
 */
export function createAdapter(base: BaseModel, settings: AdapterSettings): Adapter {
  const checked = checkAdapterSettings(settings);
  const whole = "whole" in checked ? (checked.whole ?? []) : [];
  return withWholeWeights(ofKind(base, checked), base, whole);
}

function ofKind(base: BaseModel, checked: AdapterSettings): Adapter {
  switch (checked.kind) {
    case "lora":
    case "rslora":
      return createLora(base.definition, checked);
    case "dora":
      return createDora(base, checked);
    case "lora-xs":
      return createLoraXs(base, checked);
    case "ia3":
      return createIa3(base.definition, checked);
    case "bitfit":
      return createBitfit(base);
    case "bottleneck":
      return createBottleneck(base.definition, checked);
    case "prompt":
      return createPrompt(base, checked);
    case "prefix":
      return createPrefix(base.definition, checked);
  }
}
