import type { BaseModel } from "../files/base-model.ts";
import type { Adapter } from "./adapter.ts";
import { createLora } from "./lora.ts";
import { type AdapterSettings, checkAdapterSettings } from "./options.ts";

/**
 * The adapter of the chosen method on a base model.
 *
 * @throws KlatchError `usage` for a setting out of bounds or a target that the model does not have
 */
export function createAdapter(base: BaseModel, settings: AdapterSettings): Adapter {
  const checked = checkAdapterSettings(settings);
  switch (checked.kind) {
    case "lora":
    case "rslora":
      return createLora(base.definition, checked);
  }
}
