import { join } from "node:path";
import { z } from "zod";
import { ifThere, readJson } from "../../files/file-access.ts";

/** A special token: its text, or an object with it. */
export const tokenSchema = z.union([z.string(), z.looseObject({ content: z.string() })]).nullish();
const namedSchema = z.record(z.string(), tokenSchema);

/**
 * The special tokens that a chat template finds by their names, as in transformers: `bos_token` and its kin, any other
 * `*_token` of the settings, and `extra_special_tokens` with names. Folders of old have them in special_tokens_map.json.
 */
export async function readTemplateTokens(
  folder: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, string>>> {
  const { added_tokens_decoder, extra_special_tokens } = settings;
  const isOld = added_tokens_decoder === undefined;
  const map = isOld ? await readMap(join(folder, "special_tokens_map.json")) : null;
  const extra = namedSchema.safeParse(extra_special_tokens);
  return { ...named(settings), ...named(map ?? {}), ...textsOf(extra.data ?? {}) };
}

// --- internal ---

async function readMap(file: string): Promise<Readonly<Record<string, unknown>> | null> {
  return await ifThere(readJson(file, z.record(z.string(), z.unknown())));
}

function named(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return textsOf(
    Object.fromEntries(Object.entries(fields).filter(([name]) => /_token$/.test(name))),
  );
}

function textsOf(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const texts = Object.entries(fields).flatMap(([name, value]) => {
    const token = tokenSchema.safeParse(value).data;
    const text = typeof token === "object" ? token?.content : token;
    return typeof text === "string" ? [[name, text] as const] : [];
  });
  return Object.fromEntries(texts);
}
