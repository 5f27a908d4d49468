import { createHash } from "node:crypto";
import { join } from "node:path";
import { KlatchError } from "../../../errors.ts";
import type { Digest } from "../../../types.ts";
import { oneLine, parseJson, readText } from "../../files/file-access.ts";
import { type ChatTemplate, readChatTemplate } from "./chat-template.ts";
import type { Pipeline } from "./pipeline/pipeline.ts";
import { NoUnknownToken } from "./pipeline/words.ts";
import { readTokenSettings, type TokenSettings } from "./settings-tokens.ts";
import { type SettledTokenizer, settleTokenizer } from "./settled-tokenizer.ts";
import { readTokenFacts, readTokenizerSettings, type TokenFacts } from "./token-facts.ts";

const TOKENIZER_BYTES_MAX = 64 << 20;

/** Text to token ids and back, as the base model's makers defined it. */
export interface Tokenizer {
  /** Ids of a text, without BOS, EOS or any other token added around it. */
  encode(text: string): number[];
  /** Text of ids; special tokens are left out. */
  decode(ids: Iterable<number>): string;
  /** SHA-256 of tokenizer.json and of what the settings beside it change in its ids. */
  readonly digest: Digest;
  /** SHA-256 of the settings of tokenizer_config.json and its kin. */
  readonly settingsDigest: Digest;
  /** One more than the largest id that tokenizer.json has. */
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

function readTokenizer(
  parsed: unknown,
  settings: TokenSettings,
  facts: TokenFacts,
  file: string,
): SettledTokenizer {
  try {
    return settleTokenizer(parsed, settings, facts);
  } catch (error) {
    throw new KlatchError(
      "incompatible",
      `${file} describes a tokenizer that cannot be used: ${oneLine(error)}`,
      "use a model whose tokenizer.json has parts that Klatch knows (docs/MODELS.md)",
      { cause: error },
    );
  }
}

/** What stands before a text: the post-processor says it, and config.json where there is none. */
function bosOf({ pipeline, saysAround }: SettledTokenizer, facts: TokenFacts, file: string) {
  if (!saysAround) return facts.addsBos ? facts.bosId : null;
  // A model that writes no text, such as BERT, continues none.
  if (facts.bosId === null && facts.eosId === null) return null;
  const [first = null, ...more] = pipeline.around.before;
  if (more.length === 0) return first;
  throw new KlatchError(
    "incompatible",
    `the post-processor of ${file} puts ${more.length + 1} tokens before a text`,
    "use a model that begins a text with one token or none",
  );
}

/** Ids of a text, all of them within the model's vocabulary. */
function encodeWith(pipeline: Pipeline, text: string, vocabSize: number, file: string): number[] {
  const refusal = (what: string, hint: string) =>
    new KlatchError("incompatible", `${file} has ${what}`, hint);
  try {
    const ids = pipeline.encode(text);
    const beyond = ids.find((id) => id >= vocabSize);
    if (beyond === undefined) return ids;
    throw refusal(
      `token ${beyond} for a part of the text, the model's vocabulary ends at ${vocabSize - 1}`,
      "a token was added to the tokenizer and not to the model: use the model that has it, or texts without it",
    );
  } catch (error) {
    if (!(error instanceof NoUnknownToken)) throw error;
    throw refusal(
      "no token for a part of the text",
      "use a model whose tokenizer covers the language of the data",
    );
  }
}

function sha256(text: string): Digest {
  return createHash("sha256").update(text).digest("hex");
}

/**
 * Reads tokenizer.json and the settings beside it of a model folder of any family, as AutoTokenizer of transformers 5
 * does. EOS is the id of config.json, and so is BOS where no post-processor puts it: their text need not encode to them.
 *
 * @throws KlatchError `data` when a file is missing or damaged, `incompatible` when the tokenizer can give ids that the
 *   model's embedding does not have, or is of an unknown kind
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const config = await readTokenizerSettings(folder);
  const settings = await readTokenSettings(folder, config);
  const facts = await readTokenFacts(folder, config);
  const file = join(folder, "tokenizer.json");
  const text = await readText(file, TOKENIZER_BYTES_MAX);
  const settled = readTokenizer(parseJson(text, file), settings, facts, file);
  const { pipeline, changes } = settled;
  const vocabSize = pipeline.size;
  if (vocabSize > facts.vocabSize) {
    throw new KlatchError(
      "incompatible",
      `${file} gives ids up to ${vocabSize - 1}, the model's vocabulary ends at ${facts.vocabSize - 1}`,
      "tokenizer.json and config.json must belong to the same model",
    );
  }
  return {
    digest: sha256(changes === null ? text : text + JSON.stringify(changes)),
    settingsDigest: sha256(JSON.stringify(settings)),
    vocabSize,
    bosId: bosOf(settled, facts, file),
    eosId: facts.eosId,
    around: pipeline.around,
    chat: await readChatTemplate(folder, config),
    encode: (content) => encodeWith(pipeline, content, facts.vocabSize, file),
    decode: (ids) => pipeline.decode([...ids]),
  };
}
