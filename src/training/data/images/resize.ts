import type { RgbImage } from "./decode.ts";

/** A resampling filter: how much a pixel counts at some distance, zero from `support` on. */
export interface Filter {
  readonly support: number;
  weight(distance: number): number;
}

export const BILINEAR: Filter = {
  support: 1,
  weight: (distance) => Math.max(0, 1 - Math.abs(distance)),
};

/** Keys' cubic convolution with a = -0.5. */
export const BICUBIC: Filter = {
  support: 2,
  weight(distance) {
    const x = Math.abs(distance);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
  },
};

/** Pillow counts weights in these parts of one, so that sums are whole numbers. */
const ONE = 2 ** 22;
const CHANNELS = 3;

/** The pixels that one pixel of the result is made of, and how much each counts. */
interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/**
 * `from` pixels of a line as `to`; a smaller line is made with a filter as much wider, which is what keeps it smooth.
 */
function tapsOf(from: number, to: number, { support, weight }: Filter): readonly Taps[] {
  const step = from / to;
  const wider = Math.max(step, 1);
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * step;
    const first = Math.max(0, Math.trunc(center - support * wider + 0.5));
    const end = Math.min(from, Math.trunc(center + support * wider + 0.5));
    const raw = Array.from({ length: end - first }, (__, k) =>
      weight((first + k - center + 0.5) / wider),
    );
    const total = raw.reduce((sum, x) => sum + x, 0);
    return { first, weights: raw.map((x) => rounded((x / total) * ONE)) };
  });
}

/** Halves away from zero, as C rounds. */
function rounded(x: number): number {
  return Math.sign(x) * Math.floor(Math.abs(x) + 0.5);
}

/** Resamples lines: value `k` of line `l` lies at l * lineStride + k * stride of `pixels`. */
function resampled(
  pixels: Uint8Array,
  taps: readonly Taps[],
  lines: number,
  { lineStride, stride }: { readonly lineStride: number; readonly stride: number },
  place: (line: number, i: number) => number,
): Uint8Array {
  const out = new Uint8Array(lines * taps.length * CHANNELS);
  for (let line = 0; line < lines; line += 1) {
    for (const [i, { first, weights }] of taps.entries()) {
      for (let channel = 0; channel < CHANNELS; channel += 1) {
        let sum = ONE / 2;
        let at = line * lineStride + first * stride + channel;
        for (const weight of weights) {
          sum += weight * (pixels[at] ?? 0);
          at += stride;
        }
        out[place(line, i) + channel] = Math.min(255, Math.max(0, Math.floor(sum / ONE)));
      }
    }
  }
  return out;
}

/**
 * An image in another size, to the bit as Pillow's `Image.resize` makes it of 8-bit channels
 * (src/libImaging/Resample.c). Hugging Face's image processors were made with that. Rows come first and are rounded
 * to bytes, then columns.
 */
export function resize(
  { width, height, pixels }: RgbImage,
  size: { readonly width: number; readonly height: number },
  filter: Filter,
): RgbImage {
  const row = size.width * CHANNELS;
  const narrow = resampled(
    pixels,
    tapsOf(width, size.width, filter),
    height,
    { lineStride: width * CHANNELS, stride: CHANNELS },
    (line, i) => line * row + i * CHANNELS,
  );
  const both = resampled(
    narrow,
    tapsOf(height, size.height, filter),
    size.width,
    { lineStride: CHANNELS, stride: row },
    (line, i) => i * row + line * CHANNELS,
  );
  return { ...size, pixels: both };
}
