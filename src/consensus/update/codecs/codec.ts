/** Names of the codecs, as a run manifest has them. */
export const CODEC_NAMES = [
  "int8",
  "float32",
  "int4",
  "int2",
  "sign",
  "ternary",
  "sparse",
  "masked",
] as const;
export type CodecName = (typeof CODEC_NAMES)[number];

/** Numbers of the codecs on the wire; a number is never given to another. */
export const CODEC_NUMBERS: Readonly<Record<CodecName, number>> = {
  int8: 0,
  float32: 1,
  int4: 2,
  int2: 3,
  sign: 4,
  ternary: 5,
  sparse: 6,
  masked: 7,
};

/** Codecs that lose too much of an update to be without a memory of what they lost. */
export const CODECS_WITH_FEEDBACK: ReadonlySet<CodecName> = new Set([
  "int4",
  "int2",
  "sign",
  "ternary",
  "sparse",
  "masked",
]);

/** Why bytes do not decode: the part of the reasons that a decoder can see. */
export type DecodeReason = "malformed" | "wrong-shape" | "non-finite";

/** What a decoder says: the values, or why not (whoever made the bytes is at fault). */
export type Decoded =
  | { readonly ok: true; readonly values: Float32Array }
  | { readonly ok: false; readonly reason: DecodeReason };

/** When something is coded: the same for its author and its readers. */
export interface Turn {
  /** Of the run, 32 bits. */
  readonly seed: number;
  readonly round: number;
}

export const FIRST_TURN: Turn = { seed: 0, round: 0 };

/** Float arrays to payload bytes and back. What some codecs tell depends on the turn; without one it is the first. */
export interface Codec {
  readonly name: CodecName;
  /** Payload bytes of `length` values: known before anything is sent or allocated. */
  size(length: number): number;
  /**
   * Payload bytes of the values; equal values give equal bytes.
   *
   * @throws KlatchError `diverged` when a value is not finite.
   */
  encode(values: Float32Array, turn?: Turn): Uint8Array;
  /** Reads exactly `length` values. Takes any bytes; allocates only when their number is right; never throws. */
  decode(bytes: Uint8Array, length: number, turn?: Turn): Decoded;
}

export function refuse(reason: DecodeReason): Decoded {
  return { ok: false, reason };
}
