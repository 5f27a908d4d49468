import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../../errors.ts";
import { exists, ifThere, oneLine, readText } from "../../files/file-access.ts";
import { TEMPLATES_FOLDER } from "../../files/model-files.ts";
import { Template } from "../jinja/template.ts";

const TEMPLATE_BYTES_MAX = 1 << 20;
const TEMPLATES_MAX = 100;
const OWN_FILE = "chat_template.jinja";

/** `chat_template` of tokenizer_config.json: a template, or several with their names. */
export const templateSettings = z
  .union([
    z.string(),
    z.array(z.object({ name: z.string(), template: z.string() })),
    z.record(z.string(), z.string()),
  ])
  .nullish();
export type TemplateSettings = z.infer<typeof templateSettings>;

/** The templates of a model by the kind of conversation that each is for. */
export interface Templates {
  readonly plain: Template | null;
  readonly withTools: Template | null;
  /** The text of all of them, in a fixed order. */
  readonly text: string;
}

/**
 * Reads the chat templates of a model folder, as Hugging Face transformers finds them: files come before those of
 * tokenizer_config.json, and `tool_use` is taken for conversations with tools, else `default`.
 *
 * @returns null when the model has none
 * @throws KlatchError `incompatible` when one is not a Jinja template, or when there are several and none of these two
 */
export async function readTemplates(
  folder: string,
  settings: TemplateSettings,
): Promise<Templates | null> {
  const named = (await templateFiles(folder)) ?? ofSettings(settings);
  const texts = new Map(named);
  if (texts.size === 0) return null;
  const [fallback, toolUse] = [texts.get("default"), texts.get("tool_use")];
  if (fallback === undefined && toolUse === undefined) {
    throw new KlatchError(
      "incompatible",
      `the chat templates of ${folder} are named ${[...texts.keys()].join(", ")}: none is "default" or "tool_use"`,
      `save the one that is meant as ${OWN_FILE} in that folder`,
    );
  }
  const plain = fallback === undefined ? null : parsed(fallback, folder);
  const withTools = toolUse === undefined ? plain : parsed(toolUse, folder);
  const text = toolUse === undefined ? fallback : JSON.stringify([fallback ?? null, toolUse]);
  return { plain, withTools, text: text ?? "" };
}

// --- internal ---

type NamedTexts = readonly (readonly [name: string, text: string])[];

function ofSettings(settings: TemplateSettings): NamedTexts {
  if (settings === null || settings === undefined) return [];
  if (typeof settings === "string") return [["default", settings]];
  if (!Array.isArray(settings)) return Object.entries(settings);
  return settings.map(({ name, template }) => [name, template]);
}

/** Null when there is no such file. */
async function templateFiles(folder: string): Promise<NamedTexts | null> {
  const own = await ifThere(readText(join(folder, OWN_FILE), TEMPLATE_BYTES_MAX));
  const names = await filesIn(join(folder, TEMPLATES_FOLDER));
  const texts: [string, string][] = own === null ? [] : [["default", own]];
  for (const name of names) {
    const text = await readText(join(folder, TEMPLATES_FOLDER, name), TEMPLATE_BYTES_MAX);
    texts.push([name.slice(0, -".jinja".length), text]);
  }
  return texts.length > 0 ? texts : null;
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const listed = (await exists(folder)) ? await readdir(folder) : [];
  return listed
    .filter((name) => name.endsWith(".jinja"))
    .sort()
    .slice(0, TEMPLATES_MAX);
}

function parsed(text: string, folder: string): Template {
  try {
    return new Template(text);
  } catch (error) {
    throw new KlatchError(
      "incompatible",
      `the chat template of ${folder} cannot be read: ${oneLine(error)}`,
      `correct ${OWN_FILE} (or chat_template in tokenizer_config.json), or remove it`,
      { cause: error },
    );
  }
}
