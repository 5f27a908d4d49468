/**
 * What a running node does not call, as functions that load themselves when they are called: the readers and their
 * packages are megabytes that the learner's thread has anyway.
 *
 * @packageDocumentation
 */
import type * as FlatState from "../adapters/peft/flat-state.ts";
import type * as PeftReader from "../adapters/peft/peft-reader.ts";
import type * as PeftSettings from "../adapters/peft/peft-settings.ts";
import type * as BaseModels from "../base/resolve-model.ts";
import type * as Inputs from "../data/examples/inputs.ts";
import type * as Rows from "../data/rows/rows.ts";
import type * as Listing from "../files/model-listing.ts";

const peftReader = () => import("../adapters/peft/peft-reader.ts");

export const readAdapterClasses: typeof PeftReader.readAdapterClasses = async (...values) =>
  (await peftReader()).readAdapterClasses(...values);

export const readAdapterHead: typeof PeftReader.readAdapterHead = async (...values) =>
  (await peftReader()).readAdapterHead(...values);

export const readAdapterOrigin: typeof PeftReader.readAdapterOrigin = async (...values) =>
  (await peftReader()).readAdapterOrigin(...values);

export const readAdapterSeparator: typeof PeftReader.readAdapterSeparator = async (...values) =>
  (await peftReader()).readAdapterSeparator(...values);

export const readAdapterSettings: typeof PeftSettings.readAdapterSettings = async (...values) =>
  (await import("../adapters/peft/peft-settings.ts")).readAdapterSettings(...values);

export const readFlatState: typeof FlatState.readFlatState = async (...values) =>
  (await import("../adapters/peft/flat-state.ts")).readFlatState(...values);

export const resolveModel: typeof BaseModels.resolveModel = async (...values) =>
  (await import("../base/resolve-model.ts")).resolveModel(...values);

export const listModelFiles: typeof Listing.listModelFiles = async (...values) =>
  (await import("../files/model-listing.ts")).listModelFiles(...values);

export const readRows: typeof Rows.readRows = async (...values) =>
  (await import("../data/rows/rows.ts")).readRows(...values);

export const readInputs: typeof Inputs.readInputs = async function* (...values) {
  yield* (await import("../data/examples/inputs.ts")).readInputs(...values);
};
