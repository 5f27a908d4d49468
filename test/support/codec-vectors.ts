import { createHash } from "node:crypto";
import { CODEC_NAMES, CODECS, type CodecName } from "../../src/consensus/index.ts";

/** What a codec makes of values that everybody can make, as `docs/PROTOCOL.md` says. */
export interface CodecVector {
  readonly codec: CodecName;
  readonly length: number;
  readonly seed: number;
  readonly round: number;
  /** Of the payload, in hex up to 64 bytes, else the first 64 and its SHA-256. */
  readonly payload: string;
  readonly payloadSha256: string;
  /** SHA-256 of the decoded values as little-endian single-precision numbers. */
  readonly decodedSha256: string;
}

const LENGTHS = [0, 1, 9, 300, 5000];
const TURNS = [
  { seed: 0, round: 0 },
  { seed: 3_735_928_559, round: 12 },
];

/** Value i is ((7919 i) mod 1009 - 504) * 2^(-8 - floor(i / 512) mod 3); those from 2048 to 2303 are zero. */
export function vectorValues(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) =>
    i >> 8 === 8 ? 0 : (((7919 * i) % 1009) - 504) * 2 ** (-8 - (Math.floor(i / 512) % 3)),
  );
}

export function codecVectors(): readonly CodecVector[] {
  return CODEC_NAMES.flatMap((codec) =>
    LENGTHS.flatMap((length) => TURNS.map((turn) => vectorOf(codec, length, turn))),
  );
}

// --- internal ---

function vectorOf(
  codec: CodecName,
  length: number,
  turn: { readonly seed: number; readonly round: number },
): CodecVector {
  const payload = CODECS[codec].encode(vectorValues(length), turn);
  const decoded = CODECS[codec].decode(payload, length, turn);
  if (!decoded.ok) throw new Error(`${codec} refuses its own bytes: ${decoded.reason}`);
  return {
    codec,
    length,
    ...turn,
    payload: Buffer.from(payload.subarray(0, 64)).toString("hex"),
    payloadSha256: sha256(payload),
    decodedSha256: sha256(littleEndian(decoded.values)),
  };
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(4 * values.length));
  for (const [index, value] of values.entries()) bytes.setFloat32(4 * index, value, true);
  return new Uint8Array(bytes.buffer);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
