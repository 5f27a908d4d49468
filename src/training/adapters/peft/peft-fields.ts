import { z } from "zod";
import { KlatchError } from "../../../errors.ts";

/** PEFT's `target_modules`: names, or a pattern. */
export const modules = z.union([z.array(z.string().min(1).max(512)).min(1).max(4096), z.string()]);

export function refuseSetting(file: string, what: string): KlatchError {
  return new KlatchError(
    "incompatible",
    `${file}: ${what}, which is not supported`,
    "Klatch reads adapters of the types LORA, IA3, BOTTLENECK, PROMPT_TUNING, PREFIX_TUNING (docs/MODELS.md)",
  );
}

/** The names of classification heads; PEFT lists both whatever the model has. */
export const HEADS: readonly unknown[] = ["classifier", "score"];

/** Whether a field says nothing. */
export function isUnset(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** A value of adapter_config.json as an error shows it. */
export const shown = (value: unknown): string => JSON.stringify(value).slice(0, 80);

export function targetNames(targets: z.infer<typeof modules>, file: string): readonly string[] {
  if (targets === "all-linear") return ["all"];
  if (typeof targets !== "string") return targets;
  throw refuseSetting(file, `target_modules is the pattern "${targets}", not a list of names`);
}
