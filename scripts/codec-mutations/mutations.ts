import { CODECS, type Codec } from "../../src/consensus/index.ts";
import type { Random } from "../../src/random.ts";
import { createRandom, normal } from "../../testnet/random.ts";

/** What came of damaged payloads of one codec. */
export interface MutationCounts {
  readonly refused: number;
  readonly decoded: number;
  /** Taken although the encoder would not have made them. */
  readonly foreign: number;
  /** The longest that one took, in milliseconds. */
  readonly worstMs: number;
}

const LENGTHS = [0, 1, 7, 255, 256, 257, 1024, 1300, 4100];

/** Damages payloads in a seeded way, and decodes them. Throws what a decoder throws. */
export function mutateAndDecode(codec: Codec, count: number, seed: number): MutationCounts {
  const random = createRandom(seed, codec.name);
  const whole = LENGTHS.map((length) => {
    const values = Float32Array.from({ length }, () => normal(random));
    return { length, bytes: codec.encode(values) };
  });
  let refused = 0;
  let foreign = 0;
  let worstMs = 0;
  for (let done = 0; done < count; done += 1) {
    const { length, bytes } = whole[done % whole.length] as (typeof whole)[number];
    const damaged = damage(bytes, random);
    const [result, ms] = timed(() => codec.decode(damaged, length));
    // a pause of the machine's own does not come twice
    if (ms > worstMs)
      worstMs = Math.max(worstMs, Math.min(ms, timed(() => codec.decode(damaged, length))[1]));
    if (!result.ok) refused += 1;
    else if (Buffer.compare(codec.encode(result.values), damaged) !== 0) foreign += 1;
  }
  return { refused, decoded: count - refused, foreign, worstMs };
}

/** The same of every codec, by its name. */
export function mutateAll(count: number, seed: number): Readonly<Record<string, MutationCounts>> {
  const all = Object.values(CODECS);
  return Object.fromEntries(all.map((codec) => [codec.name, mutateAndDecode(codec, count, seed)]));
}

// --- internal ---

function timed<T>(run: () => T): readonly [T, number] {
  const from = performance.now();
  return [run(), performance.now() - from];
}

/** One to four bytes changed; now and then the payload is cut, or longer. */
function damage(bytes: Uint8Array, random: Random): Uint8Array {
  const kind = random();
  if (kind < 0.05) return bytes.slice(0, Math.floor(random() * bytes.length));
  if (kind < 0.1) return Buffer.concat([bytes, Buffer.of(Math.floor(random() * 256))]);
  const damaged = bytes.slice();
  const changes = 1 + Math.floor(random() * 4);
  for (let change = 0; change < changes; change += 1) {
    damaged[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  }
  return damaged;
}
