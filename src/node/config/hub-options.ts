import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import type { HubOptions } from "../../training/index.ts";
import { cacheFolder } from "../folders/cache-folder.ts";

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
 * How the hub is reached: from the key or flag `cache` and from HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE. Throws
 * `usage` for a variable that makes no sense; its value is not repeated.
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
