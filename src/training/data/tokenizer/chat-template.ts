import { createHash } from "node:crypto";
import { join } from "node:path";
import { Template } from "@huggingface/jinja";
import { z } from "zod";
import { KlatchError } from "../../../errors.ts";
import type { Digest } from "../../../types.ts";
import { ifThere, oneLine, readText } from "../../files/file-access.ts";
import { renderBounded } from "./bounded-template.ts";
import { refusalReason } from "./template-refusal.ts";

const TEMPLATE_BYTES_MAX = 1 << 20;

const namedTemplate = z.object({ name: z.string(), template: z.string() });
const tokenSchema = z.union([z.string(), z.looseObject({ content: z.string() })]).nullish();
const SPECIAL_TOKENS = [
  "bos_token",
  "eos_token",
  "unk_token",
  "sep_token",
  "pad_token",
  "cls_token",
  "mask_token",
] as const;

/** The keys of tokenizer_config.json that chat templates read. */
export const chatSettings = {
  chat_template: z.union([z.string(), z.array(namedTemplate)]).nullish(),
  bos_token: tokenSchema,
  eos_token: tokenSchema,
  unk_token: tokenSchema,
  sep_token: tokenSchema,
  pad_token: tokenSchema,
  cls_token: tokenSchema,
  mask_token: tokenSchema,
};
type ChatSettings = z.infer<z.ZodObject<typeof chatSettings>>;

/** One turn of a conversation; further fields are for the chat template. */
export interface Message {
  readonly role: string;
  readonly content: string;
  readonly [field: string]: unknown;
}

/** How the makers of a chat model write a conversation as text, special tokens included. */
export interface ChatTemplate {
  /** SHA-256 of the template's text. */
  readonly digest: Digest;
  /**
   * @param continues whether the beginning of an answer follows, for the model to go on from
   * @param settings further values that the template reads, e.g. `enable_thinking`
   * @throws KlatchError `data` with the template's own words, and none of the conversation's, when it refuses the
   *   conversation, `incompatible` when it would take for ever
   */
  render(
    messages: readonly Message[],
    continues: boolean,
    tools?: unknown,
    settings?: Readonly<Record<string, unknown>>,
  ): string;
}

/** A file of its own comes before the template in tokenizer_config.json; among several templates "default" is meant. */
async function templateText(folder: string, settings: ChatSettings): Promise<string | null> {
  const own = await ifThere(readText(join(folder, "chat_template.jinja"), TEMPLATE_BYTES_MAX));
  if (own !== null) return own;
  const { chat_template } = settings;
  if (!Array.isArray(chat_template)) return chat_template ?? null;
  return chat_template.find(({ name }) => name === "default")?.template ?? null;
}

function parse(text: string, folder: string): Template {
  try {
    return new Template(text);
  } catch (error) {
    throw new KlatchError(
      "incompatible",
      `the chat template of ${folder} cannot be read: ${oneLine(error)}`,
      "correct chat_template.jinja (or chat_template in tokenizer_config.json), or remove it",
      { cause: error },
    );
  }
}

/**
 * Reads the chat template of a model folder (Jinja, as Hugging Face transformers renders it).
 *
 * @returns null when the model has none
 * @throws KlatchError `incompatible` when it is not a Jinja template
 */
export async function readChatTemplate(
  folder: string,
  settings: ChatSettings,
): Promise<ChatTemplate | null> {
  const text = await templateText(folder, settings);
  if (text === null) return null;
  const template = parse(text, folder);
  const tokens = SPECIAL_TOKENS.map((name) => {
    const token = settings[name];
    return [name, typeof token === "object" ? token?.content : token] as const;
  });
  const special = Object.fromEntries(tokens.filter(([, token]) => typeof token === "string"));
  return {
    digest: createHash("sha256").update(text).digest("hex"),
    render(messages, continues, tools = null, settings = {}) {
      try {
        const conversation = { messages, tools, add_generation_prompt: continues };
        return renderBounded(template, { ...special, ...settings, ...conversation });
      } catch (error) {
        if (error instanceof KlatchError) throw error;
        const reason = refusalReason(error, template);
        throw new KlatchError(
          "data",
          `the chat template refuses this conversation${reason && `: ${reason}`}`,
          "give the turns as the model expects them, most often user and assistant in turn",
        );
      }
    },
  };
}
