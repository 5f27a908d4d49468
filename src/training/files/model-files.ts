/**
 * Everything but weights that a model folder may hold and Klatch reads or passes on: configuration, tokenizer, licence.
 * Never code, never pickles.
 */
export const COMPANION_FILES: ReadonlySet<string> = new Set([
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

export const CONFIG_BYTES_MAX = 1 << 20;
export const WEIGHTS_FILE = "model.safetensors";
export const INDEX_FILE = "model.safetensors.index.json";
