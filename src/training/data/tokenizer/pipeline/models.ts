import { z } from "zod";
import { tokenId } from "../../../files/token-fields.ts";
import { bytePairs } from "./byte-pairs.ts";
import { type Kinds, makePart } from "./part.ts";
import { Unigram } from "./unigram.ts";
import { wordLevel, wordPiece } from "./words.ts";

/** What makes ids of the pieces of a text. */
export interface Model {
  /** @throws NoUnknownToken when there is no token for a part of the piece */
  encode(piece: string): number[];
  readonly vocab: ReadonlyMap<string, number>;
  /** Whether a piece whose words are known apart has the ids of its words; see `remembered.ts`. */
  readonly joinsWords: boolean;
}

const vocabSchema = z.record(z.string(), tokenId);
const pair = z.union([
  z.tuple([z.string(), z.string()]),
  z
    .string()
    .regex(/^[^ ]* [^ ]*$/)
    .transform((text) => text.split(" ") as [string, string]),
]);
const flag = z.boolean().nullish();
const bytePairSchema = z.object({
  vocab: vocabSchema,
  merges: z.array(pair),
  dropout: z.literal(0, "drops merges by chance").nullish(),
  unk_token: z.string().nullish(),
  continuing_subword_prefix: z.string().nullish(),
  end_of_word_suffix: z.string().nullish(),
  ...{ fuse_unk: flag, byte_fallback: flag, ignore_merges: flag },
});
const unigramSchema = z.object({
  // Null stands for minus infinity, which JSON does not have.
  vocab: z.array(z.tuple([z.string(), z.number()])).min(1),
  unk_id: tokenId.nullish(),
  byte_fallback: z.boolean().default(false),
});
const wordPieceSchema = z.object({
  vocab: vocabSchema,
  unk_token: z.string(),
  continuing_subword_prefix: z.string(),
  max_input_chars_per_word: z.int(),
});
const wordLevelSchema = z.object({ vocab: vocabSchema, unk_token: z.string() });

const mapOf = (vocab: Readonly<Record<string, number>>) => new Map(Object.entries(vocab));

function bytePairModel(config: unknown): Model {
  const model = bytePairSchema.parse(config);
  const vocab = mapOf(model.vocab);
  const encode = bytePairs({
    ...{ vocab, merges: model.merges, unkToken: model.unk_token, fuseUnk: model.fuse_unk },
    ...{ prefix: model.continuing_subword_prefix, suffix: model.end_of_word_suffix },
    ...{ byteFallback: model.byte_fallback, ignoreMerges: model.ignore_merges },
  });
  const isPlain =
    !model.continuing_subword_prefix && !model.end_of_word_suffix && !model.ignore_merges;
  return { encode, vocab, joinsWords: isPlain };
}

function unigramModel(config: unknown): Model {
  const { vocab, unk_id, byte_fallback } = unigramSchema.parse(config);
  const unigram = new Unigram({ vocab, unkId: unk_id ?? null, byteFallback: byte_fallback });
  const ids = new Map(vocab.map(([piece], id) => [piece, id]));
  return { encode: (piece) => unigram.encode(piece), vocab: ids, joinsWords: true };
}

function wordPieceModel(config: unknown): Model {
  const model = wordPieceSchema.parse(config);
  const vocab = mapOf(model.vocab);
  const settings = {
    unkToken: model.unk_token,
    prefix: model.continuing_subword_prefix,
    charactersMax: model.max_input_chars_per_word,
  };
  return { encode: wordPiece(vocab, settings), vocab, joinsWords: false };
}

function wordLevelModel(config: unknown): Model {
  const model = wordLevelSchema.parse(config);
  const vocab = mapOf(model.vocab);
  return { encode: wordLevel(vocab, model.unk_token), vocab, joinsWords: false };
}

/** Every model of tokenizer.json by its type. */
const KINDS: Kinds<Model> = {
  BPE: bytePairModel,
  Unigram: unigramModel,
  WordPiece: wordPieceModel,
  WordLevel: wordLevelModel,
};

/** Older files do not name the type; the Rust library takes the first that fits. */
function usualType(config: object): string {
  if ("merges" in config) return "BPE";
  if ("vocab" in config && Array.isArray(config.vocab)) return "Unigram";
  return "max_input_chars_per_word" in config ? "WordPiece" : "WordLevel";
}

/**
 * @param config the model of a tokenizer.json
 * @throws Error that names what is not known or does not fit
 */
export function readModel(config: object): Model {
  return makePart("model", KINDS, { type: usualType(config), ...config });
}
