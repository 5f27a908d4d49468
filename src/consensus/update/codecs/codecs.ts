import type { Codec, CodecName } from "./codec.ts";
import { float32Codec } from "./float32-codec.ts";
import { int2Codec, signCodec } from "./half-level-codec.ts";
import { int4Codec, int8Codec } from "./level-codec.ts";
import { maskedCodec } from "./masked-codec.ts";
import { sparseCodec, ternaryCodec } from "./share-codec.ts";

/** Every codec by its name. */
export const CODECS: Readonly<Record<CodecName, Codec>> = {
  int8: int8Codec,
  float32: float32Codec,
  int4: int4Codec,
  int2: int2Codec,
  sign: signCodec,
  ternary: ternaryCodec,
  sparse: sparseCodec,
  masked: maskedCodec,
};

/** The codec of that name. */
export function codecByName(name: CodecName): Codec {
  return CODECS[name];
}
