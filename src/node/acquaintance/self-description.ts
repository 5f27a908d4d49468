import { basename } from "node:path";
import { z } from "zod";
import { codecOf, outerTermsOf } from "../../consensus/index.ts";
import { type LearnerInfo, rankOf } from "../../training/index.ts";
import type { Digest } from "../../types.ts";
import type { Config } from "../config/config.ts";
import { modeOf } from "../config/mode-of.ts";
import { digestOf, PROTOCOL_VERSION, runDigest } from "../peer/manifest.ts";
import { VERSION } from "../version.ts";

/** Longest value of a setting that is told as it is; a longer one is told by its digest. */
const VALUE_LENGTH_MAX = 300;

const line = (most: number) =>
  z
    .string()
    .max(most)
    // what comes from others is printed: it must not move a terminal's cursor
    .transform((text) => text.replace(/\p{C}/gu, "?"));
const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** What a node says of itself to each member that it meets: what they must have alike, and what is good to know. */
const selfDescriptionSchema = z.object({
  protocol: z.int().min(0),
  version: line(64),
  /** Of a program that looks round under a node's identity and takes no part, such as `klatch doctor`. */
  visits: z.boolean().default(false),
  /** Null of who has no model loaded. */
  run: digest.nullable(),
  model: z.object({ name: line(200), digest }).nullable(),
  tokenizer: digest.nullable(),
  layout: digest.nullable(),
  /** The state that the run begins from, where it is not the seeded one. */
  init: digest.nullable(),
  /** Every key of section `run` but the members, as JSON. */
  settings: z.record(line(64), line(VALUE_LENGTH_MAX)),
  members: z.array(line(80)).max(1000),
  roster: z.array(line(100)).max(1000),
});

export type SelfDescription = z.output<typeof selfDescriptionSchema>;

/** What a node knows when its model is loaded. */
export interface OwnFacts
  extends Pick<LearnerInfo, "modelDigest" | "modelOrigin" | "tokenizerDigest" | "layout"> {
  readonly init?: Digest | null;
}

/** What the node of a configuration says of itself; without `info` what is known before a model is loaded. */
export function describeSelf(config: Config, info: OwnFacts | null): SelfDescription {
  const { members, roster } = config.run;
  const name = info?.modelOrigin?.id ?? basename(config.model);
  return {
    protocol: PROTOCOL_VERSION,
    version: VERSION,
    visits: false,
    run: info && runDigest(config.run, info, info.init ?? null),
    model: info && { name, digest: info.modelDigest },
    tokenizer: info?.tokenizerDigest ?? null,
    layout: info?.layout.digest ?? null,
    init: info?.init ?? null,
    settings: settingsOf(config.run),
    members: [...members].sort(),
    roster: [...roster].sort(),
  };
}

/**
 * Every key of a `run` section but the members and what each chooses, as JSON; of mode, codec and rank what they stand for, and what only that mode
 * knows. Runs of earlier versions are in mode gossip.
 */
export function settingsOf(run: object): SelfDescription["settings"] {
  const { members: _, roster: __, checkpointSteps: ___, ...shared } = run as Config["run"];
  // what a budget chose is told, not the budget
  const { agreedRule, outer, bytesPerRound: ____, ...settings } = shared;
  const mode = settings.mode === undefined ? "gossip" : modeOf(run as Config["run"]);
  const all = {
    ...settings,
    codec: codecOf(settings),
    adapter: { ...settings.adapter, rank: rankOf(settings) },
    mode,
    ...(mode === "agreed" ? { agreedRule, outer: outerTermsOf(shared, mode) } : {}),
  };
  return Object.fromEntries(leaves("run", all));
}

/** A description as the bytes of a greeting. */
export function encodeSelf(self: SelfDescription): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(self));
}

/** Reads a greeting; null of bytes that say nothing of the kind. */
export function decodeSelf(bytes: Uint8Array): SelfDescription | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return selfDescriptionSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    // neither UTF-8 nor JSON
    return null;
  }
}

// --- internal ---

function leaves(key: string, value: unknown): readonly (readonly [string, string])[] {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([name, inner]) => leaves(`${key}.${name}`, inner));
  }
  return [[key, shown(value)]];
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  if (text.length <= VALUE_LENGTH_MAX) return text;
  const { length } = value as { readonly length: number };
  const short: Digest = digestOf(text).slice(0, 12);
  return `${length} ${Array.isArray(value) ? "values" : "characters"} (${short})`;
}
