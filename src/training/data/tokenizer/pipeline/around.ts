import { z } from "zod";
import { tokenId } from "../../../files/token-fields.ts";
import { type Kinds, makePart } from "./part.ts";

/** What a post-processor puts before and after a text that is read as a whole, as ids. */
export interface Around {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const NOTHING: Around = { before: [], after: [] };

const bertSchema = z.object({
  sep: z.tuple([z.string(), tokenId]),
  cls: z.tuple([z.string(), tokenId]),
});
const templateSchema = z.object({
  single: z.array(
    z.union([
      z.object({ SpecialToken: z.object({ id: z.string() }) }),
      z.object({ Sequence: z.object({ id: z.string() }) }),
    ]),
  ),
  special_tokens: z.record(z.string(), z.object({ ids: z.array(tokenId) })),
});

function bert(config: unknown): Around {
  const { sep, cls } = bertSchema.parse(config);
  return { before: [cls[1]], after: [sep[1]] };
}

function template(config: unknown): Around {
  const { single, special_tokens } = templateSchema.parse(config);
  if (single.some((each) => "Sequence" in each && each.Sequence.id !== "A")) {
    throw new Error("the post-processor TemplateProcessing asks for a second text");
  }
  const places = single.flatMap((each, i) => ("Sequence" in each ? [i] : []));
  const [place] = places;
  if (place === undefined || places.length > 1) {
    throw new Error("the post-processor TemplateProcessing does not have the text once");
  }
  const ids = single.map((each) => {
    if ("Sequence" in each) return [];
    const token = special_tokens[each.SpecialToken.id];
    if (token === undefined)
      throw new Error("the post-processor names a token that it does not list");
    return token.ids;
  });
  return { before: ids.slice(0, place).flat(), after: ids.slice(place + 1).flat() };
}

/** Every post-processor of tokenizer.json by its type. */
const KINDS: Kinds<Around> = {
  ByteLevel: () => NOTHING,
  BertProcessing: bert,
  RobertaProcessing: bert,
  TemplateProcessing: template,
  Sequence(config) {
    const { processors } = z.object({ processors: z.array(z.unknown()) }).parse(config);
    const parts = processors.map((each) => readAround(each));
    // The second of two that add tokens takes those of the first for a text of a pair.
    const [adding = NOTHING, ...more] = parts.filter(
      (part) => part.before.length + part.after.length > 0,
    );
    if (more.length > 0) throw new Error("the post-processor Sequence adds tokens twice");
    return adding;
  },
};

/**
 * @param config the post-processor of a tokenizer.json, or null
 * @throws Error that names what is not known
 */
export function readAround(config: unknown): Around {
  if (config === null || config === undefined) return NOTHING;
  return makePart("post-processor", KINDS, config);
}
