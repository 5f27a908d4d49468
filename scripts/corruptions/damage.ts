import type { Random } from "../../src/random.ts";

/** Part of a file: begins at a byte, ends before another. */
export interface Region {
  readonly from: number;
  readonly to: number;
}

type Damage = (bytes: Buffer, regions: readonly Region[], random: Random) => Buffer;

/** Bytes of a range are at most so many: a few sectors of a disk. */
const RANGE_MAX = 4096;

/** What becomes of bytes on a disk that fails, or under a program that does not know what they are. */
const WITHIN = {
  "bits flipped": (bytes, regions, random) => {
    const flips = 1 + Math.floor(random() ** 3 * 8);
    for (let flip = 0; flip < flips; flip += 1) {
      const at = placeIn(regions, random);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    }
    return bytes;
  },
  "a range of zeros": (bytes, regions, random) => {
    const { from, to } = rangeIn(regions, random);
    return bytes.fill(0, from, to);
  },
  "a range of noise": (bytes, regions, random) => {
    const { from, to } = rangeIn(regions, random);
    noise(to - from, random).copy(bytes, from);
    return bytes;
  },
} satisfies Record<string, Damage>;

const WHOLE = {
  "cut short": (bytes, _, random) => bytes.subarray(0, Math.floor(random() * bytes.length)),
  "its tail twice": (bytes, _, random) =>
    Buffer.concat([bytes, bytes.subarray(Math.floor(random() * bytes.length))]),
  emptied: () => Buffer.alloc(0),
  "nothing but noise": (bytes, _, random) =>
    noise(1 + Math.floor(random() * 2 * bytes.length), random),
} satisfies Record<string, Damage>;

/** Damages a copy of a file in one of the ways: in some of its parts, or where none are named anyhow. */
export function damaged(
  intact: Uint8Array,
  regions: readonly Region[] | null,
  random: Random,
): { readonly how: string; readonly bytes: Uint8Array } {
  const ways = Object.entries<Damage>(regions === null ? { ...WITHIN, ...WHOLE } : WITHIN);
  for (;;) {
    const [how, damage] = ways[Math.floor(random() * ways.length)] as [string, Damage];
    const parts = regions ?? [{ from: 0, to: intact.length }];
    const bytes = damage(Buffer.from(intact), parts, random);
    if (Buffer.compare(bytes, intact) !== 0) return { how, bytes };
  }
}

// --- internal ---

function placeIn(regions: readonly Region[], random: Random): number {
  const { from, to } = regions[Math.floor(random() * regions.length)] as Region;
  return from + Math.floor(random() * (to - from));
}

function rangeIn(regions: readonly Region[], random: Random): Region {
  const region = regions[Math.floor(random() * regions.length)] as Region;
  const from = placeIn([region], random);
  const length = 1 + Math.floor(random() ** 2 * Math.min(RANGE_MAX, region.to - from));
  return { from, to: Math.min(region.to, from + length) };
}

function noise(length: number, random: Random): Buffer {
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
}
