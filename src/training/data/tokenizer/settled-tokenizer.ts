import { z } from "zod";
import { addedTokenSchema } from "./pipeline/added-tokens.ts";
import { type Pipeline, readPipeline } from "./pipeline/pipeline.ts";
import { settleTokens, type TokenSettings } from "./settings-tokens.ts";
import { type TokenizerClass, tokenizerClass } from "./tokenizer-class.ts";

const fileSchema = z.looseObject({
  model: z.looseObject({}),
  added_tokens: z.array(addedTokenSchema).default([]),
  padding: z.looseObject({ pad_token: z.string() }).nullish(),
  post_processor: z.unknown().optional(),
});

/** A tokenizer as AutoTokenizer makes it of tokenizer.json and the settings beside it. */
export interface SettledTokenizer {
  readonly pipeline: Pipeline;
  /** Whether a post-processor says what stands around a text. */
  readonly saysAround: boolean;
  /** What the settings change in tokenizer.json; null when nothing. */
  readonly changes: object | null;
}

/** The tokens that a class puts around a text, in place of what the file says. */
function withAround(
  pipeline: Pipeline,
  names: NonNullable<TokenizerClass["around"]>,
  named: ReadonlyMap<string, string>,
): Pipeline {
  const [before, after] = names.map((name) => {
    const id = pipeline.idOf(named.get(name) ?? "");
    return id === undefined ? [] : [id];
  });
  return { ...pipeline, around: { before: before ?? [], after: after ?? [] } };
}

/**
 * @param content the parsed tokenizer.json
 * @param config what config.json says of the tokenizer's class
 * @throws Error that names what is not known in it
 */
export function settleTokenizer(
  content: unknown,
  settings: TokenSettings,
  config: { readonly modelType: string; readonly tokenizerClass: string | undefined },
): SettledTokenizer {
  const file = fileSchema.parse(content);
  const own = tokenizerClass(file, settings.config, config);
  const ofPadding = file.padding ? { pad_token: file.padding.pad_token } : {};
  const { added, named } = settleTokens(settings, file.added_tokens, {
    present: own === null,
    defaults: { ...ofPadding, ...own?.defaults },
    again: own?.name === "Qwen2Tokenizer",
  });
  const splitsSpecial = settings.config.split_special_tokens === true;
  const effective =
    own === null
      ? file
      : { ...file, ...own.parts, model: { ...file.model, ...own.parts.model }, added_tokens: [] };
  const pipeline = readPipeline(effective, { added, splitsSpecial });
  const isChanged = own !== null || added.length > 0 || splitsSpecial;
  return {
    pipeline: own?.around ? withAround(pipeline, own.around, named) : pipeline,
    saysAround: Boolean(effective.post_processor ?? own?.around),
    changes: isChanged ? { class: own, added, splitsSpecial } : null,
  };
}
