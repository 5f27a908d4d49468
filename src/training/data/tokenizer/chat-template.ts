import { createHash } from "node:crypto";
import type { z } from "zod";
import { KlatchError } from "../../../errors.ts";
import type { Digest } from "../../../types.ts";
import type { Passage, Rendered, Span, Template } from "../jinja/template.ts";
import { toValue } from "../jinja/values/from-json.ts";
import { Dict, type Value } from "../jinja/values/values.ts";
import { readTemplates, type Templates, templateSettings } from "./template-files.ts";
import { templateError } from "./template-refusal.ts";
import { readTemplateTokens, tokenSchema } from "./template-tokens.ts";

/** The keys of tokenizer_config.json that chat templates read. */
export const chatSettings = {
  chat_template: templateSettings,
  bos_token: tokenSchema,
  eos_token: tokenSchema,
  unk_token: tokenSchema,
  sep_token: tokenSchema,
  pad_token: tokenSchema,
  cls_token: tokenSchema,
  mask_token: tokenSchema,
};
type ChatSettings = z.infer<z.ZodObject<typeof chatSettings>> & Readonly<Record<string, unknown>>;

/** One turn of a conversation: its content is a text, a list of parts or nothing, further fields are the template's. */
export interface Message {
  readonly role: string;
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

export interface Conversation {
  readonly messages: readonly Message[];
  readonly tools?: unknown;
  /** Turns of the assistant that are not learned. */
  readonly contextTurns?: readonly number[];
  /** Further values for the template, e.g. `enable_thinking`. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** A conversation as text, with what is known of where its turns stand. */
export interface LaidOut {
  readonly text: string;
  /** What the template itself marks as said by the assistant; null for templates that mark nothing. */
  readonly marked: readonly Span[] | null;
  /** What was written in a loop over the messages for each of them, by its number; one that stands in two places is not here. */
  readonly turns: ReadonlyMap<number, Span>;
}

/** How the makers of a chat model write a conversation as text, special tokens included. */
export interface ChatTemplate {
  /** SHA-256 of the template and of the tokens that it may write. */
  readonly digest: Digest;
  /**
   * @param continues whether the beginning of an answer follows, for the model to go on from
   * @param settings further values that the template reads, e.g. `enable_thinking`
   * @throws KlatchError `data` with the template's own words, and none of the conversation's, when it refuses the
   *   conversation, `incompatible` when it would take for ever
   */
  layOut(conversation: Conversation, continues: boolean): LaidOut;
  /** The text alone. */
  render(messages: readonly Message[], continues: boolean, tools?: unknown): string;
}

/**
 * Reads the chat templates of a model folder (Jinja, as Hugging Face transformers renders it).
 *
 * @returns null when the model has none
 * @throws KlatchError `incompatible` when it is not a Jinja template, or there are several and none is meant
 */
export async function readChatTemplate(
  folder: string,
  settings: ChatSettings,
): Promise<ChatTemplate | null> {
  const templates = await readTemplates(folder, settings.chat_template);
  if (templates === null) return null;
  const special = await readTemplateTokens(folder, settings);
  const layOut = (conversation: Conversation, continues: boolean) =>
    laidOut(templates, special, conversation, continues);
  return {
    digest: createHash("sha256")
      .update(JSON.stringify([templates.text, special]))
      .digest("hex"),
    layOut,
    render: (messages, continues, tools) => layOut({ messages, tools }, continues).text,
  };
}

// --- internal ---

function laidOut(
  templates: Templates,
  special: Readonly<Record<string, string>>,
  { messages, tools = null, settings = {} }: Conversation,
  continues: boolean,
): LaidOut {
  const template = tools === null ? templates.plain : templates.withTools;
  if (template === null) throw noTemplate();
  checkTools(tools);
  const values = messages.map((message) => inPython(normalised(message)));
  const further = Object.entries(settings).map(([name, value]) => [name, inPython(value)] as const);
  const { text, generations, passages } = rendered(template, {
    ...special,
    ...Object.fromEntries(further),
    ...{ messages: values, tools: inPython(tools), documents: null },
    add_generation_prompt: continues,
  });
  const marked = template.marksAnswers ? generations : null;
  return { text, marked, turns: turnsOf(values, passages) };
}

/** @throws KlatchError `data` for a value of more levels than the stack has */
function inPython(value: unknown): Value {
  try {
    return toValue(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const what = "a value of this conversation has more levels than are read";
    throw new KlatchError("data", what, "correct or remove that row");
  }
}

function rendered(template: Template, variables: Readonly<Record<string, Value>>): Rendered {
  try {
    return template.render(variables);
  } catch (error) {
    throw templateError(error, template);
  }
}

/** Transformers takes nothing else either. */
function checkTools(tools: unknown): void {
  const areObjects = (list: readonly unknown[]) =>
    list.every((tool) => typeof tool === "object" && tool !== null && !Array.isArray(tool));
  if (tools === null || (Array.isArray(tools) && areObjects(tools))) return;
  throw new KlatchError(
    "data",
    "the tools of this conversation are not a list of objects",
    "give them as JSON Schemas: [{type: function, function: {name, description, parameters}}]",
  );
}

function noTemplate(): KlatchError {
  return new KlatchError(
    "data",
    'the model has no chat template for conversations without tools, only one named "tool_use"',
    "give the row its tools, or the model a template named default",
  );
}

/** As transformers has it: a key without a value is left out, and a thought is found under each of its names. */
function normalised(message: Message): Readonly<Record<string, unknown>> {
  const present = Object.fromEntries(
    Object.entries(message).filter(([, value]) => value !== null && value !== undefined),
  );
  const { reasoning_content, thinking, reasoning } = present;
  const thought = reasoning_content ?? thinking ?? reasoning;
  if (thought === undefined) return present;
  return { thinking: thought, ...present, reasoning_content: thought };
}

function turnsOf(
  messages: readonly Value[],
  passages: readonly Passage[],
): ReadonlyMap<number, Span> {
  const turns = new Map<number, Span>();
  const twice = new Set<number>();
  for (const { item, start, end } of passages) {
    if (!(item instanceof Dict)) continue;
    const turn = messages.indexOf(item);
    if (turn < 0) continue;
    const before = turns.get(turn);
    // A loop over the messages within another gives the place of one within that of the other.
    if (before && !(start <= before.start && end >= before.end)) twice.add(turn);
    turns.set(turn, { start, end });
  }
  for (const turn of twice) turns.delete(turn);
  return turns;
}
