import { basename } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import { MAX_OFFER_BYTES } from "../../gossip/index.ts";
import type { ModelFile } from "../../training/index.ts";
import type { Digest } from "../../types.ts";
import { BUNDLED_MODEL, type Config } from "../config/config.ts";
import { requireMode } from "../config/mode-of.ts";
import { runSection } from "../config/run-section.ts";
import { bundledModel } from "../folders/package-folder.ts";
import { digestOf } from "../peer/manifest.ts";
import { isOfHub, modelFilesSchema } from "../sharing/shared-files.ts";
import { VERSION } from "../version.ts";

/** Organisations of a run that begins with tickets. */
export const SEATS = { least: 2, most: 1000 };

/** What the creator of a run offers to those who join: all that they must have alike but who they are. */
export interface Offer {
  /** Version of the creator's klatch. */
  readonly klatch: string;
  /** As a configuration names it; of a folder its own name alone, since it lies elsewhere on each machine. */
  readonly model: {
    readonly name: string;
    readonly isFolder: boolean;
    /** What the creator gives to members of it; absent where it gives nothing. */
    readonly files?: readonly ModelFile[] | undefined;
  };
  readonly seats: number;
  /** Without members. */
  readonly run: Config["run"];
}

/**
 * The offer of a configuration, as bytes: their digest stands in the tickets.
 *
 * @param files - of the model, where members may have it from this node; earlier versions cannot read such an offer
 */
export function encodeOffer(
  { model, run }: Pick<Config, "model" | "run">,
  seats: number,
  files: readonly ModelFile[] | null = null,
): Uint8Array {
  const { members: _, roster: __, ...shared } = run;
  const listed = files === null ? {} : { files };
  const offer = { klatch: VERSION, model: { ...told(model), ...listed }, seats, run: shared };
  return new TextEncoder().encode(JSON.stringify(offer));
}

export function digestOfOffer(offer: Uint8Array): Digest {
  return digestOf(offer);
}

/**
 * Reads an offer.
 *
 * @throws KlatchError `incompatible` where it is none that this version understands, naming what
 */
export function parseOffer(bytes: Uint8Array): Offer {
  const parsed = schema.safeParse(readJson(bytes));
  if (parsed.success) {
    requireMode(ofSize(parsed.data.run, parsed.data.seats));
    return parsed.data;
  }
  const [issue] = parsed.error.issues;
  const at = [...(issue?.path ?? []), ...(issue?.code === "unrecognized_keys" ? issue.keys : [])];
  throw new KlatchError(
    "incompatible",
    `the run of this ticket is none that klatch ${VERSION} understands: ${at.join(".")}: ${issue?.message}`,
    `use the klatch of who created it (${versionIn(bytes)})`,
  );
}

/** A run as if it had so many members, of which nobody is known yet: its mode follows from their number. */
export function ofSize(run: Config["run"], seats: number): Config["run"] {
  return { ...run, members: Array.from({ length: seats }, (_, place) => `seat ${place + 1}`) };
}

// --- internal ---

const schema = z.strictObject({
  klatch: z.string().max(64),
  model: z.strictObject({
    name: z.string().min(1).max(4096),
    isFolder: z.boolean(),
    files: modelFilesSchema.optional(),
  }),
  seats: z.int().min(SEATS.least).max(SEATS.most),
  run: runSection.refine(
    ({ members, roster }) => members.length === 0 && roster.length === 0,
    "it names members, who are not known yet",
  ),
});
const versionSchema = z.object({ klatch: z.string().max(64) });

function told(model: string): Pick<Offer["model"], "name" | "isFolder"> {
  if (model === bundledModel()) return { name: BUNDLED_MODEL, isFolder: false };
  if (isOfHub(model)) return { name: model, isFolder: false };
  return { name: basename(model), isFolder: true };
}

function readJson(bytes: Uint8Array): unknown {
  if (bytes.byteLength > MAX_OFFER_BYTES) return null;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // neither UTF-8 nor JSON
    return null;
  }
}

/** What comes from another machine is printed: plain characters only. */
function versionIn(bytes: Uint8Array): string {
  const { data } = versionSchema.safeParse(readJson(bytes));
  return data?.klatch.replace(/[^ -~]/g, "?") ?? "its version is not told";
}
