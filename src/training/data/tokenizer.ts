import { createHash } from "node:crypto";
import { join } from "node:path";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import type { Digest } from "../../types.ts";
import type { LlamaConfig } from "../files/base-model.ts";
import { checkShape, isMissing, oneLine, parseJson, readText } from "../files/file-access.ts";
import { readLlamaConfig } from "../files/llama-config.ts";
import { bytePairEncoder } from "./byte-pairs.ts";

const TOKENIZER_BYTES_MAX = 64 << 20;

/** Text to token ids and back, as the base model's makers defined it. */
export interface Tokenizer {
  /** Ids of a text, without BOS, EOS or any other token added around it. */
  encode(text: string): number[];
  /** Text of ids; special tokens are left out. */
  decode(ids: Iterable<number>): string;
  /** SHA-256 of tokenizer.json. */
  readonly digest: Digest;
  /** One more than the largest id the tokenizer can give. */
  readonly vocabSize: number;
  readonly bosId: number;
  readonly eosId: number;
}

const id = z
  .number()
  .int()
  .min(0)
  .max((1 << 22) - 1);
const tokenizerSchema = z.looseObject({
  model: z.looseObject({
    // WordPiece and BPE map a token to its id, Unigram lists [token, score] in the order of ids.
    vocab: z.union([z.record(z.string(), id), z.array(z.tuple([z.string(), z.number()]))]),
    type: z.string().optional(),
    merges: z.array(z.union([z.string().regex(/ /), z.tuple([z.string(), z.string()])])).optional(),
    end_of_word_suffix: z.string().nullish(),
    continuing_subword_prefix: z.string().nullish(),
  }),
  added_tokens: z.array(z.looseObject({ id, content: z.string() })).default([]),
});
type TokenizerFile = z.infer<typeof tokenizerSchema>;
const settingsSchema = z.looseObject({});

function largestId({ model, added_tokens }: TokenizerFile): number {
  let largest = Array.isArray(model.vocab) ? model.vocab.length - 1 : -1;
  if (!Array.isArray(model.vocab)) {
    for (const value of Object.values(model.vocab)) largest = Math.max(largest, value);
  }
  for (const token of added_tokens) largest = Math.max(largest, token.id);
  return largest;
}

/** The merges of a byte-pair model without suffixes on its pieces; null for any other model. */
function plainMerges(model: TokenizerFile["model"]): readonly (readonly string[])[] | null {
  const { type, merges, end_of_word_suffix, continuing_subword_prefix } = model;
  if (type !== "BPE" || !merges || end_of_word_suffix || continuing_subword_prefix) return null;
  return merges.map((merge) => (typeof merge === "string" ? merge.split(" ", 2) : merge));
}

function construct(parsed: TokenizerFile, settings: object, file: string): HuggingFaceTokenizer {
  try {
    const tokenizer = new HuggingFaceTokenizer(parsed, settings);
    const merges = plainMerges(parsed.model);
    // The library's own encoder takes many seconds for the long texts that this one does in one.
    if (merges) Object.assign(tokenizer.model ?? {}, { bpe: bytePairEncoder(merges) });
    return tokenizer;
  } catch (error) {
    throw new KlatchError(
      "incompatible",
      `${file} describes a tokenizer that cannot be used: ${oneLine(error)}`,
      "use a model whose tokenizer.json is of a known kind (BPE, Unigram, WordPiece)",
      { cause: error },
    );
  }
}

/** tokenizer_config.json holds optional settings; a folder without one means the defaults. */
async function readSettings(folder: string): Promise<object> {
  const file = join(folder, "tokenizer_config.json");
  try {
    return checkShape(parseJson(await readText(file, 1 << 24), file), settingsSchema, file);
  } catch (error) {
    if (isMissing(error)) return {};
    throw error;
  }
}

function wrap(
  inner: HuggingFaceTokenizer,
  facts: { readonly digest: Digest; readonly vocabSize: number; readonly file: string },
  config: LlamaConfig,
): Tokenizer {
  const { digest, vocabSize, file } = facts;
  return {
    digest,
    vocabSize,
    bosId: config.bosId,
    eosId: config.eosIds[0] ?? config.bosId,
    encode(text) {
      if (text === "") return [];
      const ids: number[] = inner.encode(text, { add_special_tokens: false }).ids;
      // The library gives undefined for a piece that is not in the vocabulary when there is no unknown token.
      if (ids.every((value) => value < vocabSize)) return ids;
      throw new KlatchError(
        "incompatible",
        `${file} has no token for a part of "${oneLine(text).slice(0, 40)}"`,
        "use a model whose tokenizer covers the language of the data",
      );
    },
    decode(ids) {
      const list = [...ids];
      if (list.length === 0) return "";
      return inner.decode(list, { skip_special_tokens: true, clean_up_tokenization_spaces: false });
    },
  };
}

/**
 * Reads tokenizer.json and tokenizer_config.json of a model folder. BOS and EOS are the ids of config.json: their text
 * need not encode to them.
 *
 * @throws KlatchError `data` when a file is missing or damaged, `incompatible` when the tokenizer can give ids that the
 *   model's embedding does not have, or is of an unknown kind
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const config = await readLlamaConfig(folder);
  const file = join(folder, "tokenizer.json");
  const text = await readText(file, TOKENIZER_BYTES_MAX);
  const parsed = checkShape(parseJson(text, file), tokenizerSchema, file);
  const vocabSize = largestId(parsed) + 1;
  if (vocabSize > config.vocabSize) {
    throw new KlatchError(
      "incompatible",
      `${file} gives ids up to ${vocabSize - 1}, the model's vocabulary ends at ${config.vocabSize - 1}`,
      "tokenizer.json and config.json must belong to the same model",
    );
  }
  const inner = construct(parsed, await readSettings(folder), file);
  const digest = createHash("sha256").update(text).digest("hex");
  return wrap(inner, { digest, vocabSize, file }, config);
}
