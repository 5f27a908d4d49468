import { isAbsolute } from "node:path";
import { KlatchError } from "../../errors.ts";
import { exists } from "../files/file-access.ts";
import { parseHubModel } from "../files/hub/model-id.ts";
import type { HubOptions, ModelOrigin } from "../files/hub/options.ts";

/** A model folder and, for one from the hub, where it came from. */
export interface ResolvedModel {
  readonly folder: string;
  readonly origin: ModelOrigin | null;
}

/**
 * The folder of a model by its name: a folder of that name wins; `organisation/name` or `organisation/name@revision` is
 * fetched from the hub, or taken from the cache. Without `hub`, only folders are known.
 *
 * @throws KlatchError as `fetchSnapshot`
 */
export async function resolveModel(
  name: string,
  hub: HubOptions | undefined,
): Promise<ResolvedModel> {
  if (isAbsolute(name) || (await exists(name))) return { folder: name, origin: null };
  const model = parseHubModel(name);
  if (model === null || hub === undefined) {
    throw new KlatchError(
      "data",
      `there is no model folder ${name}`,
      "give a Hugging Face model folder, or a model of the hub as organisation/name",
    );
  }
  const { fetchSnapshot } = await import("../files/hub/snapshot.ts");
  const { readModelConfig } = await import("../models/architectures/architectures.ts");
  const { folder, commit } = await fetchSnapshot(model, hub, readModelConfig).catch(
    (error: unknown) => {
      throw isUnreachable(error) ? alsoNoFolder(name, error) : error;
    },
  );
  return { folder, origin: { ...model, commit } };
}

// --- internal ---

function isUnreachable(error: unknown): error is KlatchError {
  return error instanceof KlatchError && error.code === "network";
}

/** A mistyped folder looks like a name of the hub: both are said. */
function alsoNoFolder(name: string, cause: KlatchError): KlatchError {
  const message = `there is no folder ${name} here, and ${cause.message}`;
  return new KlatchError(cause.code, message, cause.hint, { cause });
}
