import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import type { TokenIds } from "../files/token-fields.ts";

/** Bounds of config.json's values, shared by all architectures. */
export const dimension = z
  .number()
  .int()
  .min(1)
  .max(1 << 20);
export const count = z.number().int().min(1).max(4096);
export const layerCount = z.number().int().min(1).max(512);
export const positive = z.number().positive().finite();
/** What a reader says about a model it cannot compute. */
export function refuse(file: string, what: string): KlatchError {
  return new KlatchError(
    "incompatible",
    `${file}: ${what}`,
    "choose another base model; docs/MODELS.md lists what Klatch trains",
  );
}

/**
 * Begin and end ids, all inside the vocabulary; `defaults` where config.json has none, null when the class has none
 * either. An end of null says that no token ends a text. A text without a beginning of its own begins as it ends.
 */
export function readIds(
  raw: {
    readonly bos_token_id?: number | null | undefined;
    readonly eos_token_id?: number | number[] | null | undefined;
    readonly vocab_size: number;
  },
  defaults: TokenIds | null,
  file: string,
): { readonly bosId: number; readonly eosIds: readonly number[] } {
  const eos = raw.eos_token_id === undefined ? defaults?.eos : (raw.eos_token_id ?? []);
  const eosIds = [eos ?? []].flat();
  const bosId = raw.bos_token_id ?? defaults?.bos ?? eosIds[0];
  if (bosId === undefined || eos === undefined) {
    throw refuse(file, "eos_token_id is missing, so no text would end");
  }
  for (const id of [bosId, ...eosIds]) {
    if (id >= raw.vocab_size) {
      throw refuse(file, `token id ${id} is outside the vocabulary of ${raw.vocab_size}`);
    }
  }
  return { bosId, eosIds };
}

/** Refuses lists of config.json that should say something of every layer and do not. */
export function checkPerLayer(
  layers: number,
  lists: Readonly<Record<string, readonly unknown[] | null | undefined>>,
  file: string,
): void {
  for (const [key, list] of Object.entries(lists)) {
    if (list === null || list === undefined || list.length === layers) continue;
    throw refuse(file, `${key} names ${list.length} of ${layers} layers`);
  }
}

/** Refuses heads that do not divide as attention needs. */
export function checkHeads(
  sizes: {
    readonly hiddenSize: number;
    readonly heads: number;
    readonly keyValueHeads: number;
    readonly headDim: number;
  },
  file: string,
): void {
  const { hiddenSize, heads, keyValueHeads, headDim } = sizes;
  if (!Number.isInteger(headDim)) {
    throw refuse(file, `hidden_size ${hiddenSize} is not a multiple of ${heads} attention heads`);
  }
  if (headDim % 2 !== 0) throw refuse(file, `the head dimension ${headDim} is odd`);
  if (heads % keyValueHeads !== 0) {
    throw refuse(
      file,
      `${heads} attention heads are not a multiple of ${keyValueHeads} key-value heads`,
    );
  }
}
