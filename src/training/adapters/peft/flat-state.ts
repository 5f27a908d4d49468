import { join } from "node:path";
import { KlatchError } from "../../../errors.ts";
import type { Digest } from "../../../types.ts";
import { readSafetensors } from "../../files/safetensors.ts";
import { sizeOf } from "../../graph/value.ts";
import { layoutIn } from "../../layout/layout-texts.ts";

/**
 * The flat state behind an adapter's folder, to the bit, without its base model: the tensors of its file in the order
 * of the layout that has this digest, as `texts` tell it (see `AdapterLayout`).
 *
 * @throws KlatchError `data` when the texts are not of that digest, or the tensors not those that they name
 */
export async function readFlatState(
  folder: string,
  texts: readonly string[],
  digest: Digest,
): Promise<Float32Array> {
  const layout = layoutIn(texts, digest);
  if (layout === null) throw unlike(folder, "the layout that is told is not the one of the run");
  const { tensors } = await readSafetensors(join(folder, "adapter_model.safetensors"));
  const parts = layout.tensors.map(({ name, shape, offset }) => {
    const data = tensors.get(name)?.data;
    if (data?.length === sizeOf(shape)) return { data, offset };
    const what = data === undefined ? "is missing" : `has ${data.length} values`;
    throw unlike(folder, `tensor ${name}, of the shape [${shape}], ${what}`);
  });
  if (tensors.size > parts.length) throw unlike(folder, "it has tensors that the run has not");
  const state = new Float32Array(layout.length);
  for (const { data, offset } of parts) state.set(data, offset);
  return state;
}

// --- internal ---

function unlike(folder: string, why: string): KlatchError {
  return new KlatchError(
    "data",
    `${folder} does not hold the run's adapter: ${why}`,
    "take the folder that `klatch export` wrote, whole",
  );
}
