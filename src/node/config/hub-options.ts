import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import type { HubOptions } from "../../training/index.ts";
import { cacheFolder } from "../folders/cache-folder.ts";
import { useProxy } from "./proxy.ts";

const ENDPOINT = "https://huggingface.co";
type Environment = Readonly<Record<string, string | undefined>>;

/** The variables that the hub's own tools know, with their meaning. Tokens of mirrors have many forms. */
const environmentSchema = z.object({
  HF_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{1,10000}$/, "an access token is one word of plain letters and signs")
    .exactOptional(),
  HF_ENDPOINT: z.url({ protocol: /^https?$/ }).default(ENDPOINT),
});

/**
 * How the hub is reached: from the key or flag `cache` and from HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE and the proxy's
 * variables. What they say is judged when the hub is asked for: a folder needs none of it. Endpoint and token then
 * throw `usage` for a variable that makes no sense; its value is not repeated.
 */
export function hubOptions(
  cache: string,
  extras: Pick<HubOptions, "report" | "signal"> = {},
  environment: Environment = process.env,
): HubOptions {
  let known: z.output<typeof environmentSchema> | null = null;
  const settings = () => {
    known ??= read(environment);
    return known;
  };
  return {
    cacheFolder: cacheFolder(cache, environment),
    get endpoint() {
      return settings().HF_ENDPOINT.replace(/\/+$/, "");
    },
    get token() {
      return settings().HF_TOKEN;
    },
    offline: isOffline(environment),
    ...extras,
  };
}

// --- internal ---

function isOffline({ HF_HUB_OFFLINE: text = "" }: Environment): boolean {
  return ["1", "on", "yes", "true"].includes(text.trim().toLowerCase());
}

function read(environment: Environment): z.output<typeof environmentSchema> {
  // Files end in a new line, and so do variables that are read from them. An empty one means the same as none.
  const set = ["HF_TOKEN", "HF_ENDPOINT"]
    .map((name) => [name, environment[name]?.trim()] as const)
    .filter(([, text]) => text);
  const parsed = environmentSchema.safeParse(Object.fromEntries(set));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new KlatchError(
      "usage",
      `the environment variable ${issue?.path.join(".")} makes no sense: ${issue?.message}`,
      "correct it, or unset it",
    );
  }
  useProxy(environment);
  return parsed.data;
}
