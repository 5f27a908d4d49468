import { KlatchError } from "../../../errors.ts";
import { oneLine } from "../../files/file-access.ts";
import { rgbOfCmyk } from "./cmyk.ts";

/** Red, green and blue of every pixel, a byte each, row by row. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** A few bytes can say how large an image is that no memory holds. */
const PIXELS_MAX = 1 << 26;
export const IMAGE_BYTES_MAX = 64 << 20;
const FORMATS: readonly unknown[] = ["png", "jpeg", "webp"];

/**
 * The pixels of a PNG, JPEG or WebP file as they are stored: neither turned as its camera says nor moved to another
 * colour space, as Pillow reads them. Grey becomes three equal channels, transparency is left out, and CMYK is mixed.
 * Of channels with 16 bits the upper 8 are read; Pillow does so for colours, and cuts grey off at 255.
 *
 * @throws KlatchError `data` naming `place` for bytes that are no such image, a damaged one, and one of more than
 *   2^26 pixels or 64 MiB
 */
export async function decodeImage(bytes: Uint8Array, place: string): Promise<RgbImage> {
  if (bytes.length > IMAGE_BYTES_MAX) throw unreadable(place, `it has ${bytes.length} bytes`);
  // Only those who train on images load the library and its native part.
  const { default: sharp } = await import("sharp");
  try {
    const image = sharp(bytes, { limitInputPixels: PIXELS_MAX, failOn: "error", ignoreIcc: true });
    const { format, space } = await image.metadata();
    if (!FORMATS.includes(format)) throw unreadable(place, `it is of the format ${format}`);
    const isCmyk = space === "cmyk";
    // The library mixes by a profile of its own.
    const stored = isCmyk ? image.pipelineColourspace("cmyk") : image.removeAlpha();
    const { data, info } = await stored
      .toColourspace(isCmyk ? "cmyk" : "srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const pixels = isCmyk ? rgbOfCmyk(data) : threeChannels(data, info.channels);
    return { width: info.width, height: info.height, pixels };
  } catch (error) {
    throw error instanceof KlatchError ? error : unreadable(place, whatIsWrong(error));
  }
}

/** The library leaves grey as it is. */
function threeChannels(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return data;
  return Uint8Array.from({ length: data.length * 3 }, (_, i) => data[Math.floor(i / 3)] ?? 0);
}

/** The library's words may quote the bytes: those of an SVG image its tags, for one. */
function whatIsWrong(error: unknown): string {
  const said = oneLine(error);
  if (said.includes("pixel limit")) return `it has more than ${PIXELS_MAX} pixels`;
  if (said.includes("unsupported image format")) return "it is neither PNG, JPEG nor WebP";
  return "its data is damaged or cut off";
}

function unreadable(place: string, what: string): KlatchError {
  return new KlatchError(
    "data",
    `${place}: not an image that can be read: ${what}`,
    "replace or remove it; PNG, JPEG and WebP of at most 67 million pixels and 64 MiB are read",
  );
}
