import { z } from "zod";
import { KlatchError } from "../../errors.ts";

const seed = z.int().min(0).max(4_294_967_295);
const targets = z.array(z.string().min(1).max(512)).min(1).max(4096).readonly();
const virtualTokens = z.int().min(1).max(4096);
const size = { rank: z.int().min(1).max(4096), alpha: z.number().positive().max(1e6) };
const factors = { ...size, targets };
/** Of adapters trained elsewhere: the layers by their whole paths, each with its own rank and alpha. */
const uneven = {
  modules: z.record(z.string().max(512), z.strictObject(size)).exactOptional(),
  whole: z.array(z.string().max(512)).max(64).readonly().exactOptional(),
};

/** What tells one adapter from another, by method; names and meanings as in PEFT where it has the method. */
const adapterSettingsSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("lora"), ...factors, ...uneven }),
  z.strictObject({ kind: z.literal("rslora"), ...factors, ...uneven }),
  z.strictObject({ kind: z.literal("dora"), ...factors, ...uneven }),
  z.strictObject({ kind: z.literal("lora-xs"), ...factors }),
  z.strictObject({ kind: z.literal("prompt"), virtualTokens }),
  z.strictObject({ kind: z.literal("prefix"), virtualTokens }),
  z.strictObject({ kind: z.literal("bitfit") }),
  z.strictObject({
    kind: z.literal("bottleneck"),
    size: z.int().min(1).max(4096),
    targets: targets.exactOptional(),
  }),
  z.strictObject({
    kind: z.literal("ia3"),
    targets: targets.exactOptional(),
    feedforward: z.array(z.string().min(1).max(512)).max(4096).readonly().exactOptional(),
  }),
]);

/**
 * The choice of an adapter method with its numbers; `targets` are names of linear layers, or `all`. `modules` says it
 * layer by layer instead, and `whole` names weights of the model that the adapter has its own of.
 */
export type AdapterSettings = z.infer<typeof adapterSettingsSchema>;

/** `seed` decides the initial values; part of what all peers of a run share. */
export type AdapterOptions = AdapterSettings & { readonly seed: z.infer<typeof seed> };

/**
 * Checks the settings of an adapter.
 *
 * @throws KlatchError `usage` naming the setting that is not possible
 */
export function checkAdapterSettings(settings: unknown): AdapterSettings {
  const parsed = adapterSettingsSchema.safeParse(settings);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new KlatchError(
    "usage",
    `the adapter's ${issue?.path.join(".") || "settings"}: ${issue?.message}`,
    "a LoRA adapter has e.g. kind lora, rank 8, alpha 16 and targets q,v",
  );
}
