import { join } from "node:path";
import { z } from "zod";
import { EXAMPLE_FORMATS } from "../data/examples/example.ts";
import { DEFAULT_SEPARATOR, type PromptLayout } from "../data/examples/separator.ts";
import { ifThere, readJson, writeWhole } from "../files/file-access.ts";
import { KLATCH_FILE } from "./peft/peft-config.ts";

/** The keys of klatch.json that say how prompts were laid out. */
export const promptKeys = {
  examples: z.enum(EXAMPLE_FORMATS),
  separator: z.string().max(1000).nullish(),
  promptEnd: z.string().max(1000).nullish(),
};
const promptSchema = z.object(promptKeys);

export function layoutIn({ examples, ...own }: z.infer<typeof promptSchema>): PromptLayout {
  const separator = own.separator ?? DEFAULT_SEPARATOR;
  return { format: examples, separator, promptEnd: own.promptEnd ?? separator };
}

/** A layout as those keys. What stands between a prompt and its completion matters to prompts alone. */
export function keysOf({
  format,
  ...own
}: Partial<PromptLayout>): Readonly<Record<string, unknown>> {
  const { separator, promptEnd } = own;
  return { examples: format, ...(format === "prompt" ? { separator, promptEnd } : {}) };
}

/** How prompts were laid out for a model that an adapter was merged into; null for one that does not say. */
export async function readPromptLayout(folder: string): Promise<PromptLayout | null> {
  const own = await ifThere(readJson(join(folder, KLATCH_FILE), promptSchema));
  return own && layoutIn(own);
}

export async function writePromptLayout(folder: string, layout: PromptLayout): Promise<void> {
  const json = JSON.stringify(keysOf(layout), null, 2);
  await writeWhole(join(folder, KLATCH_FILE), `${json}\n`);
}
