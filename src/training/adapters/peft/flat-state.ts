import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../../errors.ts";
import type { Digest } from "../../../types.ts";
import { readSafetensors } from "../../files/safetensors.ts";
import { sizeOf } from "../../graph/value.ts";
import { textDigest } from "../slots.ts";

const namedSchema = z
  .array(
    z.tuple([
      z.string().max(1000),
      z
        .array(
          z
            .int()
            .min(1)
            .max(2 ** 31),
        )
        .max(8),
    ]),
  )
  .min(1);
type Named = z.output<typeof namedSchema>;

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
  const named = namesIn(texts, digest);
  if (named === null) throw unlike(folder, "the layout that is told is not the one of the run");
  const { tensors } = await readSafetensors(join(folder, "adapter_model.safetensors"));
  const parts = named.map(([name, shape]) => {
    const data = tensors.get(name)?.data;
    if (data?.length === sizeOf(shape)) return data;
    const what = data === undefined ? "is missing" : `has ${data.length} values`;
    throw unlike(folder, `tensor ${name}, of the shape [${shape}], ${what}`);
  });
  if (tensors.size > named.length) throw unlike(folder, "it has tensors that the run has not");
  const state = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    state.set(part, offset);
    offset += part.length;
  }
  return state;
}

// --- internal ---

/** Names and shapes in the layout's order; null where the texts do not lead to the digest. */
function namesIn(texts: readonly string[], digest: Digest): Named | null {
  const named: Named = [];
  let below: Digest | null = null;
  for (const text of texts) {
    const part = namesOf(text, below);
    if (part === null) return null;
    named.push(...part);
    below = textDigest(text);
  }
  const isOnce = new Set(named.map(([name]) => name)).size === named.length;
  return below === digest && isOnce ? named : null;
}

function namesOf(text: string, below: Digest | null): Named | null {
  const parsed = z.array(z.unknown()).safeParse(parseJson(text));
  if (!parsed.success) return null;
  if (below === null) return namedSchema.safeParse(parsed.data).data ?? null;
  const [first, ...rest] = parsed.data;
  if (first !== below) return null;
  const found = rest.map((each) => namedSchema.safeParse(each)).find(({ success }) => success);
  return found?.data ?? null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function unlike(folder: string, why: string): KlatchError {
  return new KlatchError(
    "data",
    `${folder} does not hold the run's adapter: ${why}`,
    "take the folder that `klatch export` wrote, whole",
  );
}
