/** How an image is cut: squares of `patch` pixels out of a square of `size`. */
export interface PatchGrid {
  readonly size: number;
  readonly patch: number;
}

export function patchCount({ size, patch }: PatchGrid): number {
  return (size / patch) ** 2;
}

/**
 * The patches of an image, row by row, each as a convolution's kernel lies in Hugging Face's files: channel, row,
 * column. `values` says what each byte of each channel becomes.
 */
export function patchesOf(
  pixels: Uint8Array,
  { size, patch }: PatchGrid,
  values: readonly Float32Array[],
): Float32Array {
  const out = new Float32Array(pixels.length);
  const [area, perSide] = [patch * patch, size / patch];
  for (let at = 0; at < out.length; at += 1) {
    const place = at % area;
    const channel = Math.floor(at / area) % values.length;
    const square = Math.floor(at / (area * values.length));
    const y = Math.floor(square / perSide) * patch + Math.floor(place / patch);
    const x = (square % perSide) * patch + (place % patch);
    out[at] = values[channel]?.[pixels[(y * size + x) * values.length + channel] ?? 0] ?? 0;
  }
  return out;
}
