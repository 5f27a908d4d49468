import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../../errors.ts";
import type { Digest } from "../../../types.ts";
import { ifThere, readJson } from "../../files/file-access.ts";
import type { ModelImage } from "../examples/example.ts";
import { decodeImage } from "./decode.ts";
import { type PatchGrid, patchCount, patchesOf } from "./patches.ts";
import { BICUBIC, BILINEAR, type Filter, resize } from "./resize.ts";

/** Images as a model's makers prepared them. */
export interface ImageProcessor {
  /** SHA-256 of all settings that change what the model sees. */
  readonly digest: Digest;
  /** See `decodeImage` for errors. */
  read(bytes: Uint8Array, place: string): Promise<ModelImage>;
}

const FILE = "preprocessor_config.json";
/** Pillow's numbers of the filters. */
const FILTERS: Readonly<Record<number, Filter>> = { 2: BILINEAR, 3: BICUBIC };

const side = z.int().min(1).max(4096);
const perChannel = z.array(z.number().min(-1e6).max(1e6)).length(3);
const HALVES = [0.5, 0.5, 0.5];

/** The keys of preprocessor_config.json, with the defaults of Hugging Face's ViTImageProcessor. */
const settingsSchema = z.object({
  size: z.union([side, z.object({ height: side, width: side })]).optional(),
  do_resize: z.literal(true).default(true),
  do_center_crop: z.literal(false).nullish(),
  resample: z.int().default(2),
  do_rescale: z.boolean().default(true),
  rescale_factor: z
    .number()
    .positive()
    .max(1e6)
    .default(1 / 255),
  do_normalize: z.boolean().default(true),
  image_mean: perChannel.default(HALVES),
  image_std: z.array(z.number().positive().max(1e6)).length(3).default(HALVES),
});

/**
 * Reads preprocessor_config.json of a model folder; one without it is read as Hugging Face's ViTImageProcessor reads by
 * itself, in the model's size.
 *
 * @throws KlatchError `data` when it is damaged, `incompatible` for a setting that is not computed or another size than
 *   the model's
 */
export async function loadImageProcessor(folder: string, grid: PatchGrid): Promise<ImageProcessor> {
  const file = join(folder, FILE);
  const raw = (await ifThere(readJson(file, settingsSchema))) ?? settingsSchema.parse({});
  const { size } = grid;
  const { width, height } =
    typeof raw.size === "object" ? raw.size : { width: raw.size ?? size, height: raw.size ?? size };
  if (width !== size || height !== size) {
    throw refuse(file, `makes images of ${width}x${height}, and the model reads ${size}x${size}`);
  }
  const filter = FILTERS[raw.resample];
  if (filter === undefined) throw refuse(file, `has resample ${raw.resample}, not 2 or 3`);
  const factor = raw.do_rescale ? raw.rescale_factor : 1;
  const [mean, deviation] = raw.do_normalize
    ? [raw.image_mean, raw.image_std]
    : [
        [0, 0, 0],
        [1, 1, 1],
      ];
  // One table for all images, which keep it.
  const values = valuesOf({ factor, mean, deviation });
  const settings = JSON.stringify([size, raw.resample, factor, mean, deviation]);
  return {
    digest: createHash("sha256").update(settings).digest("hex"),
    async read(bytes, place) {
      const { pixels } = resize(await decodeImage(bytes, place), { width, height }, filter);
      return modelImage(pixels, grid, values);
    },
  };
}

/** An image of bytes that are in the model's size already. */
export function modelImage(
  pixels: Uint8Array,
  grid: PatchGrid,
  values: readonly Float32Array[],
): ModelImage {
  const positions = patchCount(grid) + 1;
  return { pixels, positions, patches: () => patchesOf(pixels, grid, values) };
}

/** What each byte of each channel becomes. */
export function valuesOf({
  factor,
  mean,
  deviation,
}: {
  readonly factor: number;
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}): readonly Float32Array[] {
  return mean.map((middle, channel) =>
    Float32Array.from(
      { length: 256 },
      (_, byte) => (byte * factor - middle) / (deviation[channel] ?? 1),
    ),
  );
}

// --- internal ---

function refuse(file: string, what: string): KlatchError {
  return new KlatchError(
    "incompatible",
    `${file} ${what}`,
    "use the file that belongs to the model",
  );
}
