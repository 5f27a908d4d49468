import { readFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { HubEvent, HubOptions } from "../../src/training/files/hub/options.ts";
import { HubRepository, type RepositoryOptions } from "./hub-repository.ts";
import { HubServer } from "./hub-server.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** The model of the tests. */
export const ID = "some-lab/tiny";
/** Bytes without a pattern of a power of two. */
export const WEIGHTS = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 2654435761) >>> 24);
const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  ...{ vocab_size: 16, hidden_size: 8, intermediate_size: 12 },
  ...{ num_hidden_layers: 1, num_attention_heads: 2 },
};
export const FILES = {
  "README.md": "not needed",
  "config.json": JSON.stringify(CONFIG),
  "generation_config.json": "{}",
  "model.safetensors": WEIGHTS,
  "pytorch_model.bin": WEIGHTS,
  "special_tokens_map.json": "{}",
  "tokenizer.json": '{"model":{}}',
  "tokenizer_config.json": "{}",
  "modeling_custom.py": "raise SystemExit",
};

export type Contents = Readonly<Record<string, string | Uint8Array>>;

/** A hub with one model, gone with the test, and a client with a cache of its own. */
export async function hubWith(files: Contents = FILES, options: RepositoryOptions = {}) {
  const server = await HubServer.start();
  onTestFinished(() => server.stop());
  const repository = new HubRepository(ID, files, options);
  server.add(repository);
  const events: HubEvent[] = [];
  const hub = {
    endpoint: server.endpoint,
    cacheFolder: temporaryFolder(),
    offline: false,
    report: (event: HubEvent) => void events.push(event),
    retryMs: 1,
  } satisfies HubOptions;
  return { server, repository, hub, events };
}

export const weightsOf = (folder: string) => readFileSync(join(folder, "model.safetensors"));
export const without = (...names: string[]): Contents =>
  Object.fromEntries(Object.entries(FILES).filter(([name]) => !names.includes(name)));
