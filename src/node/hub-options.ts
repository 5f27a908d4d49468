import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../errors.ts";
import type { HubOptions } from "../training/index.ts";
import { AUTO_CACHE } from "./config.ts";

const ENDPOINT = "https://huggingface.co";
type Environment = Readonly<Record<string, string | undefined>>;

/** The variables that the hub's own tools know, with their meaning. */
const environmentSchema = z.object({
  HF_TOKEN: z
    .string()
    .regex(/^hf_[\x21-\x7e]{1,500}$/, "an access token begins with hf_")
    .exactOptional(),
  HF_ENDPOINT: z.url({ protocol: /^https?$/ }).default(ENDPOINT),
  HF_HUB_OFFLINE: z
    .string()
    .default("")
    .transform((text) => ["1", "on", "yes", "true"].includes(text.toLowerCase())),
});

/**
 * How the hub is reached: from the key or flag `cache` and from HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE. Throws `usage`
 * for a variable that makes no sense; its value is not repeated.
 */
export function hubOptions(
  cache: string,
  extras: Pick<HubOptions, "report" | "signal"> = {},
  environment: Environment = process.env,
): HubOptions {
  const { HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE } = environment;
  // An empty variable means the same as none.
  const set = Object.entries({ HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE }).filter(([, text]) => text);
  const parsed = environmentSchema.safeParse(Object.fromEntries(set));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new KlatchError(
      "usage",
      `the environment variable ${issue?.path.join(".")} makes no sense: ${issue?.message}`,
      "correct it, or unset it",
    );
  }
  const { HF_TOKEN: token, HF_ENDPOINT: endpoint, HF_HUB_OFFLINE: offline } = parsed.data;
  return {
    cacheFolder: cacheFolder(cache, environment),
    endpoint: endpoint.replace(/\/+$/, ""),
    offline,
    ...(token === undefined ? {} : { token }),
    ...extras,
  };
}

/** Folder of what can be had again: the one that is named, else this user's. */
export function cacheFolder(cache: string, environment: Environment = process.env): string {
  return cache === AUTO_CACHE ? userCache(environment) : cache;
}

/** Folder of tokens that were made from data files; they are this user's alone. */
export function tokenCache(cache: string): string {
  return join(cacheFolder(cache), "tokens");
}

// --- internal ---

/** Where programs of this user keep what can be had again (XDG base directories; LOCALAPPDATA on Windows). */
function userCache({ XDG_CACHE_HOME, LOCALAPPDATA }: Environment): string {
  return join(XDG_CACHE_HOME || LOCALAPPDATA || join(homedir(), ".cache"), "klatch");
}
