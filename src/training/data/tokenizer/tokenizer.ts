import { createHash } from "node:crypto";
import { join } from "node:path";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { KlatchError } from "../../../errors.ts";
import type { Digest } from "../../../types.ts";
import { checkShape, oneLine, parseJson, readText } from "../../files/file-access.ts";
import { tokenId } from "../../files/token-fields.ts";
import { bytePairEncoder } from "./byte-pairs.ts";
import { type ChatTemplate, readChatTemplate } from "./chat-template.ts";
import { readTokenFacts, readTokenizerSettings, type TokenFacts } from "./token-facts.ts";
import { repairTokenizer } from "./tokenizer-repairs.ts";
import { cacheWords } from "./word-cache.ts";

const TOKENIZER_BYTES_MAX = 64 << 20;

/** Text to token ids and back, as the base model's makers defined it. */
export interface Tokenizer {
  /** Ids of a text, without BOS, EOS or any other token added around it. */
  encode(text: string): number[];
  /** Text of ids; special tokens are left out. */
  decode(ids: Iterable<number>): string;
  /** SHA-256 of tokenizer.json. */
  readonly digest: Digest;
  /** SHA-256 of the settings of tokenizer_config.json. */
  readonly settingsDigest: Digest;
  /** One more than the largest id the tokenizer can give. */
  readonly vocabSize: number;
  /** Comes before a text to be continued; null when the model's makers put nothing there. */
  readonly bosId: number | null;
  /** Null for models that write no text, such as BERT. */
  readonly eosId: number | null;
  /** What the post-processor puts around a text that is read as a whole, e.g. [CLS] and [SEP]. */
  readonly around: { readonly before: readonly number[]; readonly after: readonly number[] };
  /** Null when the model's makers wrote none. */
  readonly chat: ChatTemplate | null;
}

const tokenizerSchema = z.looseObject({
  model: z.looseObject({
    // WordPiece and BPE map a token to its id, Unigram lists [token, score] in the order of ids.
    vocab: z.union([z.record(z.string(), tokenId), z.array(z.tuple([z.string(), z.number()]))]),
    type: z.string().optional(),
    merges: z.array(z.union([z.string().regex(/ /), z.tuple([z.string(), z.string()])])).optional(),
    end_of_word_suffix: z.string().nullish(),
    continuing_subword_prefix: z.string().nullish(),
  }),
  added_tokens: z.array(z.looseObject({ id: tokenId, content: z.string() })).default([]),
});
type TokenizerFile = z.infer<typeof tokenizerSchema>;

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
    repairTokenizer(tokenizer);
    const merges = plainMerges(parsed.model);
    // The library's own encoder takes many seconds for the long texts that this one does in one.
    if (merges) Object.assign(tokenizer.model ?? {}, { bpe: bytePairEncoder(merges) });
    cacheWords(tokenizer);
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

/** Runs the post-processor over a token that no vocabulary has, and looks what it put before and after. */
function tokensAround(inner: HuggingFaceTokenizer): Tokenizer["around"] {
  const probe = "\u0000";
  const tokens: readonly string[] = inner.post_processor?.post_process([probe], null, true)
    .tokens ?? [probe];
  const ids = tokens.map((token) => inner.token_to_id(token) ?? -1);
  const at = tokens.indexOf(probe);
  const known = (id: number) => id >= 0;
  return { before: ids.slice(0, at).filter(known), after: ids.slice(at + 1).filter(known) };
}

function wrap(
  inner: HuggingFaceTokenizer,
  facts: TokenFacts & {
    readonly digest: Digest;
    readonly settingsDigest: Digest;
    readonly file: string;
    readonly chat: ChatTemplate | null;
  },
): Tokenizer {
  const { digest, settingsDigest, vocabSize, file, bosId, eosId, chat } = facts;
  return {
    digest,
    settingsDigest,
    vocabSize,
    bosId,
    eosId,
    chat,
    around: tokensAround(inner),
    encode(text) {
      if (text === "") return [];
      const ids: number[] = inner.encode(text, { add_special_tokens: false }).ids;
      // The library gives undefined for a piece that is not in the vocabulary when there is no unknown token.
      if (ids.every((value) => value < vocabSize)) return ids;
      throw new KlatchError(
        "incompatible",
        `${file} has no token for a part of the text`,
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

function sha256(text: string): Digest {
  return createHash("sha256").update(text).digest("hex");
}

/**
 * Reads tokenizer.json and tokenizer_config.json of a model folder of any family. BOS and EOS are the ids of
 * config.json: their text need not encode to them.
 *
 * @throws KlatchError `data` when a file is missing or damaged, `incompatible` when the tokenizer can give ids that the
 *   model's embedding does not have, or is of an unknown kind
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const settings = await readTokenizerSettings(folder);
  const facts = await readTokenFacts(folder, settings);
  const file = join(folder, "tokenizer.json");
  const text = await readText(file, TOKENIZER_BYTES_MAX);
  const parsed = checkShape(parseJson(text, file), tokenizerSchema, file);
  const vocabSize = largestId(parsed) + 1;
  if (vocabSize > facts.vocabSize) {
    throw new KlatchError(
      "incompatible",
      `${file} gives ids up to ${vocabSize - 1}, the model's vocabulary ends at ${facts.vocabSize - 1}`,
      "tokenizer.json and config.json must belong to the same model",
    );
  }
  const digest = sha256(text);
  const settingsDigest = sha256(JSON.stringify(settings));
  const chat = await readChatTemplate(folder, settings);
  return wrap(construct(parsed, settings, file), {
    ...facts,
    digest,
    settingsDigest,
    vocabSize,
    file,
    chat,
  });
}
