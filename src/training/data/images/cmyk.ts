/**
 * Red, green and blue of pixels in cyan, magenta, yellow and black, as Pillow's `convert("RGB")` makes them
 * (src/libImaging/Convert.c, cmyk2rgb): without a colour profile.
 */
export function rgbOfCmyk(cmyk: Uint8Array): Uint8Array {
  const out = new Uint8Array((cmyk.length / 4) * 3);
  for (let from = 0, to = 0; from < cmyk.length; from += 4) {
    const white = 255 - (cmyk[from + 3] ?? 0);
    for (let channel = 0; channel < 3; channel += 1, to += 1) {
      out[to] = white - share(cmyk[from + channel] ?? 0, white);
    }
  }
  return out;
}

// --- internal ---

/** a * b / 255, rounded as Pillow rounds. */
function share(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}
