import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BYTE_CHARACTERS, type Merge } from "./byte-pair-training.ts";

/** Special tokens; their ids are their places. */
export const SPECIAL_TOKENS = ["<|pad|>", "<|begin|>", "<|end|>"] as const;
export const BEGIN_ID = 1;
export const END_ID = 2;

/** Every piece in the order of its id: special tokens, bytes, merges. */
function vocabulary(merges: readonly Merge[]): Record<string, number> {
  const pieces = [...SPECIAL_TOKENS, ...BYTE_CHARACTERS, ...merges.map((pair) => pair.join(""))];
  return Object.fromEntries(pieces.map((piece, id) => [piece, id]));
}

/** The content of tokenizer.json: byte-level pairs, each text as if it began with a space. */
export function tokenizerJson(merges: readonly Merge[]): Record<string, unknown> {
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const byteLevel = {
    type: "ByteLevel",
    add_prefix_space: true,
    trim_offsets: true,
    use_regex: true,
  };
  const begin = { SpecialToken: { id: SPECIAL_TOKENS[BEGIN_ID], type_id: 0 } };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: SPECIAL_TOKENS.map((content, id) => ({ id, content, ...plain, special: true })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: {
      type: "TemplateProcessing",
      single: [begin, { Sequence: { id: "A", type_id: 0 } }],
      pair: [begin, { Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
      special_tokens: {
        [SPECIAL_TOKENS[BEGIN_ID]]: {
          id: SPECIAL_TOKENS[BEGIN_ID],
          ids: [BEGIN_ID],
          tokens: [SPECIAL_TOKENS[BEGIN_ID]],
        },
      },
    },
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: vocabulary(merges),
      merges: merges.map((pair) => pair.join(" ")),
    },
  };
}

/** Writes tokenizer.json and tokenizer_config.json of a model folder. */
export async function writeTokenizer(
  folder: string,
  merges: readonly Merge[],
  contextMax: number,
): Promise<void> {
  const settings = {
    add_bos_token: true,
    add_eos_token: false,
    bos_token: SPECIAL_TOKENS[BEGIN_ID],
    clean_up_tokenization_spaces: false,
    eos_token: SPECIAL_TOKENS[END_ID],
    model_max_length: contextMax,
    pad_token: SPECIAL_TOKENS[0],
    tokenizer_class: "PreTrainedTokenizerFast",
  };
  await writeFile(join(folder, "tokenizer.json"), `${JSON.stringify(tokenizerJson(merges))}\n`);
  const text = `${JSON.stringify(settings, null, 2)}\n`;
  await writeFile(join(folder, "tokenizer_config.json"), text);
}
