import { createHash } from "node:crypto";
import { join } from "node:path";
import { KlatchError } from "../../../errors.ts";
import type { Digest } from "../../../types.ts";
import { oneLine, parseJson, readText } from "../../files/file-access.ts";
import { type ChatTemplate, readChatTemplate } from "./chat-template.ts";
import { type Pipeline, readPipeline } from "./pipeline/pipeline.ts";
import { NoUnknownToken } from "./pipeline/words.ts";
import { readTokenFacts, readTokenizerSettings } from "./token-facts.ts";

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

function readTokenizer(parsed: unknown, file: string): Pipeline {
  try {
    return readPipeline(parsed, { added: [], splitsSpecial: false });
  } catch (error) {
    throw new KlatchError(
      "incompatible",
      `${file} describes a tokenizer that cannot be used: ${oneLine(error)}`,
      "use a model whose tokenizer.json has parts that Klatch knows (docs/MODELS.md)",
      { cause: error },
    );
  }
}

function encodeWith(pipeline: Pipeline, text: string, file: string): number[] {
  try {
    return pipeline.encode(text);
  } catch (error) {
    if (!(error instanceof NoUnknownToken)) throw error;
    throw new KlatchError(
      "incompatible",
      `${file} has no token for a part of the text`,
      "use a model whose tokenizer covers the language of the data",
    );
  }
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
  const pipeline = readTokenizer(parseJson(text, file), file);
  const vocabSize = pipeline.size;
  if (vocabSize > facts.vocabSize) {
    throw new KlatchError(
      "incompatible",
      `${file} gives ids up to ${vocabSize - 1}, the model's vocabulary ends at ${facts.vocabSize - 1}`,
      "tokenizer.json and config.json must belong to the same model",
    );
  }
  return {
    digest: sha256(text),
    settingsDigest: sha256(JSON.stringify(settings)),
    vocabSize,
    bosId: facts.bosId,
    eosId: facts.eosId,
    around: pipeline.around,
    chat: await readChatTemplate(folder, settings),
    encode: (content) => encodeWith(pipeline, content, file),
    decode: (ids) => pipeline.decode([...ids]),
  };
}
