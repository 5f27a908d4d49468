/**
 * Everything but weights that a model folder may hold and Klatch reads or passes on: configuration, tokenizer, licence.
 * Never code, never pickles.
 */
const COMPANION_FILES: ReadonlySet<string> = new Set([
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "tokenizer.model",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "vocab.txt",
  "merges.txt",
  "chat_template.jinja",
  "chat_template.json",
  "preprocessor_config.json",
  "LICENSE",
  "LICENSE.md",
  "LICENSE.txt",
  "NOTICE",
]);

/** The one folder of a model whose files are read: chat templates with names, as transformers saves them. */
export const TEMPLATES_FOLDER = "additional_chat_templates";

/** Whether a path, from a model's folder, is one of the files that are read or passed on. */
export function isCompanion(path: string): boolean {
  const [folder, name, ...rest] = path.split("/");
  if (name === undefined) return COMPANION_FILES.has(path);
  return folder === TEMPLATES_FOLDER && /^[\w-][\w.-]*\.jinja$/.test(name) && rest.length === 0;
}

export const CONFIG_BYTES_MAX = 1 << 20;
export const WEIGHTS_FILE = "model.safetensors";
export const INDEX_FILE = "model.safetensors.index.json";

/** Longer names than this has no file of a model. */
const NAME_MAX = 128;

/** Whether a name is that of a file that lies in a model's folder itself and may belong to it. */
export function isModelFile(name: string): boolean {
  if (name.length > NAME_MAX || name.includes("/")) return false;
  return isCompanion(name) || name === INDEX_FILE || /^[\w-][\w.-]*\.safetensors$/.test(name);
}
