import { type Codec, FIRST_TURN, refuse, type Turn } from "./codec.ts";
import { CODEC_HEADER_BYTES, refusalOfHeader, writeHeader } from "./codec-header.ts";
import { halfLevelBytes, readHalfLevels, writeHalfLevels } from "./half-level-codec.ts";
import { largestMagnitude } from "./scales.ts";

/** Values of which one is told in a turn, and turns in which each of them is. */
const PERIOD = 8;
const BITS = 2;

/**
 * One of eight values in turn, the same for all members of a run, coded as `int2`; the others are zero. No place is told:
 * which it is follows from the run's seed, the turn and the place. So the values of all are of the same places, and a
 * median over members, or a sum of what is masked, has a meaning, as it has not where each tells its largest.
 */
export const maskedCodec: Codec = {
  name: "masked",
  size: (length) => CODEC_HEADER_BYTES + halfLevelBytes(Math.ceil(length / PERIOD), BITS),
  encode: (values, turn = FIRST_TURN) => {
    largestMagnitude(values, 0, values.length);
    const bytes = new Uint8Array(maskedCodec.size(values.length));
    writeHeader(bytes, "masked", values.length);
    const told = new Float32Array(Math.ceil(values.length / PERIOD));
    for (let block = 0; block < told.length; block += 1) {
      told[block] = values[toldPlace(block, values.length, turn)] as number;
    }
    writeHalfLevels(told, BITS, bytes);
    return bytes;
  },
  decode: (bytes, length, turn = FIRST_TURN) => {
    const refusal = refusalOfHeader(bytes, "masked", length, maskedCodec.size(length));
    if (refusal !== null) return refuse(refusal);
    const told = readHalfLevels(bytes, BITS, Math.ceil(length / PERIOD));
    if (!told.ok) return told;
    const values = new Float32Array(length);
    for (const [block, value] of told.values.entries()) {
      values[toldPlace(block, length, turn)] = value;
    }
    return { ok: true, values };
  },
};

// --- internal ---

/** The place that a block of {@link PERIOD} values tells: the next one in every turn, from one of the run's seed on. */
function toldPlace(block: number, length: number, { seed, round }: Turn): number {
  const first = block * PERIOD;
  const size = Math.min(PERIOD, length - first);
  return first + ((round + scattered(seed, block)) % size);
}

/** A number below 2^29 (the last mix of MurmurHash3), so that places of one turn have no pattern. */
function scattered(seed: number, block: number): number {
  let hash = Math.imul(block, 0x9e3779b1) ^ seed;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 3;
}
