import { join } from "node:path";
import { z } from "zod";
import { checkShape, ifThere, readJson } from "../../files/file-access.ts";
import { tokenId } from "../../files/token-fields.ts";
import type { AddedToken } from "./pipeline/added-tokens.ts";

/*
 * Tokens that stand in tokenizer_config.json, special_tokens_map.json and added_tokens.json, as AutoTokenizer of
 * transformers 5 adds them to those of tokenizer.json.
 */

const FILE_BYTES_MAX = 1 << 24;
/** The names of tokens in the order in which transformers adds them. */
const NAMES = [
  "bos_token",
  "eos_token",
  "unk_token",
  "sep_token",
  "pad_token",
  "cls_token",
  "mask_token",
];

const flag = z.boolean().default(false);
const described = z
  .looseObject({
    content: z.string(),
    ...{ single_word: flag, lstrip: flag, rstrip: flag, special: flag },
    normalized: z.boolean().optional(),
  })
  .transform(
    ({ content, single_word, lstrip, rstrip, special, normalized = !special }): AddedToken => ({
      ...{ content, single_word, lstrip, rstrip, special, normalized },
    }),
  );
const token = z.union([z.string(), described]);
type Token = z.infer<typeof token>;
const tokens = z.array(token);
const extraSchema = z.union([tokens, z.record(z.string(), token)]);
const decoderSchema = z.record(z.string().regex(/^\d+$/), described);
const settingsSchema = z.looseObject({
  added_tokens_decoder: decoderSchema.optional(),
  extra_special_tokens: extraSchema.nullish(),
  additional_special_tokens: tokens.nullish(),
  unk_token: token.nullish(),
  tokenizer_class: z.string().nullish(),
  split_special_tokens: z.boolean().nullish(),
});
type Settings = z.infer<typeof settingsSchema>;
const encoderSchema = z.record(z.string(), tokenId);

/** What a folder says of tokens beside tokenizer.json. */
export interface TokenSettings {
  /** tokenizer_config.json. */
  readonly config: Settings;
  /** special_tokens_map.json; empty where it is missing or counts for nothing. */
  readonly map: Settings;
  /** added_tokens.json; the same. */
  readonly added: Readonly<Record<string, number>>;
}

/**
 * Reads the files beside tokenizer_config.json. They count where that has no `added_tokens_decoder`.
 *
 * @param config the content of tokenizer_config.json
 * @throws KlatchError `data` when a file is damaged
 */
export async function readTokenSettings(folder: string, config: object): Promise<TokenSettings> {
  const file = join(folder, "tokenizer_config.json");
  const settings = checkShape(config, settingsSchema, file);
  if (settings.added_tokens_decoder !== undefined) return { config: settings, map: {}, added: {} };
  const read = async <T>(name: string, schema: z.ZodType<T>) =>
    await ifThere(readJson(join(folder, name), schema, FILE_BYTES_MAX));
  const map = (await read("special_tokens_map.json", settingsSchema)) ?? {};
  return {
    config: settings,
    map: Object.fromEntries(Object.entries(map).map(([key, value]) => [key, asSpecial(value)])),
    added: (await read("added_tokens.json", encoderSchema)) ?? {},
  };
}

/** A token of special_tokens_map.json is special whatever it says; one in a list, too. */
function asSpecial(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asSpecial);
  const isToken = typeof value === "object" && value !== null && "content" in value;
  return isToken ? { ...value, special: true } : value;
}

const contentOf = (each: Token) => (typeof each === "string" ? each : each.content);
const isSame = (a: AddedToken, b: AddedToken) =>
  a.content === b.content &&
  a.single_word === b.single_word &&
  a.lstrip === b.lstrip &&
  a.rstrip === b.rstrip &&
  a.special === b.special &&
  a.normalized === b.normalized;

const isEmpty = (extra: object | null | undefined) => Object.keys(extra ?? {}).length === 0;

/** The further tokens: those that have a name, and a list of others. */
function extraTokens({ config, map }: TokenSettings) {
  const { additional_special_tokens: additional } = config;
  const own = isEmpty(config.extra_special_tokens) ? additional : config.extra_special_tokens;
  const more = map.extra_special_tokens;
  // Even an empty list, or null, in tokenizer_config.json stands against what special_tokens_map.json says.
  const given = config.extra_special_tokens;
  const isListed = [own, more, given].some((each) => Array.isArray(each)) || given === null;
  const list = [...(Array.isArray(own) ? own : []), ...(Array.isArray(more) ? more : [])];
  return {
    named: { ...(Array.isArray(own) ? {} : own), ...(Array.isArray(more) ? {} : more) },
    list: isListed ? list : (map.additional_special_tokens ?? additional ?? []),
  };
}

/** The tokens with names, `bos_token` and the model's own alike, and the further ones. */
function specialTokens(settings: TokenSettings, defaults: object) {
  const extra = extraTokens(settings);
  const all = { ...defaults, ...settings.config, ...settings.map };
  const named = new Map<string, Token>(NAMES.map((name) => [name, ""]));
  for (const [key, value] of Object.entries(all)) {
    const parsed = token.nullish().safeParse(value);
    if (key.endsWith("_token") && parsed.success) named.set(key, parsed.data ?? "");
  }
  for (const [key, each] of Object.entries(extra.named)) named.set(key, each);
  return {
    named: new Map([...named].filter(([, each]) => contentOf(each) !== "")),
    extra: extra.list,
  };
}

/** Tokens by their ids as the settings have them; without `added_tokens_decoder` those of the files. */
function numberedTokens(
  { config, added }: TokenSettings,
  ofFile: readonly AddedToken[],
  special: ReadonlySet<string>,
): ReadonlyMap<number, AddedToken> {
  if (config.added_tokens_decoder !== undefined) {
    const entries = Object.entries(config.added_tokens_decoder);
    return new Map(entries.map(([id, each]) => [Number(id), each]));
  }
  const numbered = new Map<number, AddedToken>();
  for (const [content, id] of Object.entries(added)) {
    const isSpecial = special.has(content);
    const plain = { single_word: false, lstrip: false, rstrip: false };
    numbered.set(id, { content, ...plain, normalized: !isSpecial, special: isSpecial });
  }
  for (const each of ofFile) if (each.id !== undefined) numbered.set(each.id, each);
  return numbered;
}

/** A token that is named by its content alone is special. */
const whole = (each: Token): AddedToken =>
  described.parse(typeof each === "string" ? { content: each, special: true } : each);

/** What AutoTokenizer makes of the tokens of a folder. */
export interface SettledTokens {
  /** To be added or changed, in this order. */
  readonly added: readonly AddedToken[];
  /** By their names: `bos_token` and so on. */
  readonly named: ReadonlyMap<string, string>;
}

/**
 * @param ofFile the added tokens of tokenizer.json
 * @param options whether the tokenizer has those already, the tokens that its class has where the settings name none,
 *   and whether that class adds its special tokens once more without their flags
 */
export function settleTokens(
  settings: TokenSettings,
  ofFile: readonly AddedToken[],
  options: { readonly present: boolean; readonly defaults: object; readonly again: boolean },
): SettledTokens {
  const here = options.present ? ofFile : [];
  const { named, extra } = specialTokens(settings, options.defaults);
  const special = [...named.values(), ...extra];
  const numbered = numberedTokens(settings, ofFile, new Set(special.map(contentOf)));
  const own = [...numbered].sort(([a], [b]) => a - b).map(([, each]) => each);
  const contents = new Set([...here, ...own].map(({ content }) => content));
  const more = special
    .filter((each, i) => !contents.has(contentOf(each)) && special.indexOf(each) === i)
    .map(whole);
  const names = new Set([...named.values()].map(contentOf));
  const all = [...own, ...more].map((each) =>
    names.has(each.content) ? { ...each, special: true } : each,
  );
  const again = options.again ? special.map((each) => whole(contentOf(each))) : [];
  const last = new Map([...all, ...again].map((each) => [each.content, each]));
  return {
    added: [...last.values()].filter((each) => !here.some((known) => isSame(known, each))),
    named: new Map([...named].map(([name, each]) => [name, contentOf(each)])),
  };
}
