import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../../errors.ts";
import { ifThere, readJson } from "../../files/file-access.ts";
import { idFields, type TokenIds, USUAL_IDS, vocabulary } from "../../files/token-fields.ts";
import { chatSettings } from "./chat-template.ts";

const SETTINGS_BYTES_MAX = 1 << 24;
const vocabularySchema = z.looseObject({
  model_type: z.string().optional(),
  vocab_size: vocabulary.optional(),
  ...idFields,
});
const configSchema = vocabularySchema.extend({
  text_config: vocabularySchema.optional(),
  tokenizer_class: z.string().nullish(),
});

const settingsSchema = z.looseObject({
  ...chatSettings,
  add_bos_token: z.boolean().nullish(),
  split_special_tokens: z.boolean().nullish(),
});
export type TokenizerSettings = z.infer<typeof settingsSchema>;

/** What a model's config.json says about token ids. */
export interface TokenFacts {
  readonly vocabSize: number;
  /** Null when the model's makers have no token that begins a text. */
  readonly bosId: number | null;
  /** Whether it stands before every text, where tokenizer.json has no post-processor that says so. */
  readonly addsBos: boolean;
  /** Null for models that write no text, such as BERT. */
  readonly eosId: number | null;
  readonly modelType: string;
  /** The class of the tokenizer, where it stands in config.json. */
  readonly tokenizerClass: string | undefined;
}

/** tokenizer_config.json holds optional settings; a folder without one means the defaults. */
export async function readTokenizerSettings(folder: string): Promise<TokenizerSettings> {
  const file = join(folder, "tokenizer_config.json");
  return (await ifThere(readJson(file, settingsSchema, SETTINGS_BYTES_MAX))) ?? {};
}

/**
 * Reads the vocabulary's size and the ids of BOS and EOS from config.json of a model of any family; the text part of a
 * model that also takes images. The first of several ids that end a text is the one that is learned.
 *
 * @throws KlatchError `data` when config.json is missing or damaged, `incompatible` when it names no vocabulary or ids
 *   outside it
 */
export async function readTokenFacts(
  folder: string,
  settings: TokenizerSettings,
): Promise<TokenFacts> {
  const file = join(folder, "config.json");
  const config = await readJson(file, configSchema);
  const { model_type, vocab_size, bos_token_id, eos_token_id } = {
    ...config,
    ...config.text_config,
  };
  if (vocab_size === undefined) throw refuse(file, "names no vocab_size");
  const usual = usualIds(model_type);
  // Null says that there is no such token.
  const bosId = bos_token_id === undefined ? (usual?.bos ?? null) : bos_token_id;
  const eosId = [eos_token_id === undefined ? usual?.eos : eos_token_id].flat()[0] ?? null;
  for (const id of [bosId, eosId]) {
    if (id !== null && id >= vocab_size) {
      throw refuse(file, `has token id ${id} outside its vocabulary of ${vocab_size}`);
    }
  }
  return {
    ...{ vocabSize: vocab_size, bosId, eosId, addsBos: settings.add_bos_token !== false },
    ...{ modelType: config.model_type ?? "", tokenizerClass: config.tokenizer_class ?? undefined },
  };
}

function usualIds(modelType = "llama"): TokenIds | undefined {
  return new Map<string, TokenIds>(Object.entries(USUAL_IDS)).get(modelType);
}

function refuse(file: string, what: string): KlatchError {
  return new KlatchError(
    "incompatible",
    `${file} ${what}`,
    "use a model folder with its own config.json",
  );
}
