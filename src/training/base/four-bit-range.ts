import assert from "node:assert/strict";

/** How a block of numbers lies on 16 levels: x is about scale * (16 * code - zero) for codes of 0 to 15. */
export interface FourBitRange {
  /** `scale` in units, 0 to 255. */
  readonly parts: number;
  readonly scale: number;
  /** 0 to 255, in sixteenths of a level. */
  readonly zero: number;
}

const BYTE_MAX = 255;
const SIXTEENTHS = 16;
const CODE_MAX = 15;

/** Shares of a block's range that are cut off below and above before its levels are fitted. */
const CUTS = [
  { below: 0, above: 0 },
  { below: 0.04, above: 0 },
  { below: 0, above: 0.04 },
  { below: 0.05, above: 0.05 },
] as const;

/** The unit of a column's scales where no block ranges further than `range`. */
export function unitOf(range: number): number {
  return range / CODE_MAX / SIXTEENTHS / BYTE_MAX;
}

/** The lowest and the highest number, or zero where all lie on one side: levels begin no further from it. */
export function endsOf(numbers: Float64Array): { readonly low: number; readonly high: number } {
  let low = 0;
  let high = 0;
  for (let i = 0; i < numbers.length; i += 1) {
    const x = numbers[i] ?? 0;
    if (x < low) low = x;
    if (x > high) high = x;
  }
  return { low, high };
}

/**
 * Of four ranges, each fitted to its codes by least squares, the one with the least squared error, fitted once more.
 * Neither end need be a level: the others gain more than an outlier loses. `unit` is a 32-bit number, see `unitOf`.
 */
export function bestRange(numbers: Float64Array, unit: number): FourBitRange {
  const { low, high } = endsOf(numbers);
  if (unit === 0 || low === high) return { parts: 0, scale: 0, zero: 0 };
  let best: Fit | undefined;
  for (const { below, above } of CUTS) {
    const step = ((high - low) * (1 - below - above)) / CODE_MAX;
    // A zero is no less than 0: where no number is negative, nothing is cut below.
    const offset = Math.min(low + below * (high - low), 0);
    const fit = fitted(numbers, step, offset, unit);
    if (best === undefined || fit.error < best.error) best = fit;
  }
  assert.ok(best !== undefined);
  const { step, offset } = fitted(numbers, best.step, best.offset, unit);
  const parts = Math.min(Math.max(Math.round(step / SIXTEENTHS / unit), 1), BYTE_MAX);
  const scale = Math.fround(parts * unit);
  return { parts, scale, zero: Math.min(Math.max(Math.round(-offset / scale), 0), BYTE_MAX) };
}

/** The code whose level is nearest to x. */
export function nearestCode(x: number, { scale, zero }: FourBitRange): number {
  return scale === 0 ? 0 : clamped(x / (SIXTEENTHS * scale) + zero / SIXTEENTHS);
}

// --- internal ---

/** Levels offset + step * code, and their squared error. */
interface Fit {
  readonly step: number;
  readonly offset: number;
  readonly error: number;
}

/**
 * Added to a number of magnitude below 2^51 and taken away again, it leaves the nearest whole one; quicker than
 * Math.round.
 */
const ROUNDING = 1.5 * 2 ** 52;

function clamped(x: number): number {
  const whole = x + ROUNDING - ROUNDING;
  if (whole < 0) return 0;
  if (whole > CODE_MAX) return CODE_MAX;
  return whole;
}

/**
 * Of the codes that levels give the numbers: the levels nearest to the numbers, by least squares, if they can be
 * stored.
 */
function fitted(numbers: Float64Array, step: number, offset: number, unit: number): Fit {
  const inverse = 1 / step;
  const shift = -offset * inverse;
  let codes = 0;
  let codeSquares = 0;
  let products = 0;
  let total = 0;
  let squares = 0;
  for (let i = 0; i < numbers.length; i += 1) {
    const x = numbers[i] ?? 0;
    const code = clamped(x * inverse + shift);
    codes += code;
    codeSquares += code * code;
    products += code * x;
    total += x;
    squares += x * x;
  }
  const n = numbers.length;
  const slope = (n * products - codes * total) / (n * codeSquares - codes * codes);
  const start = (total - slope * codes) / n;
  const better = storable(slope, start, unit);
  const s = better ? slope : step;
  const o = better ? start : offset;
  const crossed = o * total + s * products - o * s * codes;
  return { step: s, offset: o, error: squares + n * o * o + s * s * codeSquares - 2 * crossed };
}

/**
 * Few numbers, or all on one side of zero, can have levels whose zero or scale no byte holds; equal codes have no
 * slope.
 */
function storable(step: number, offset: number, unit: number): boolean {
  const zero = (-SIXTEENTHS * offset) / step;
  return zero >= 0 && zero <= BYTE_MAX && step <= SIXTEENTHS * BYTE_MAX * unit;
}
