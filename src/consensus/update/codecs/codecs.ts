import type { Codec, CodecName } from "./codec.ts";
import { float32Codec } from "./float32-codec.ts";
import { int8Codec } from "./int8-codec.ts";

/** Every codec by its name. */
export const CODECS: Readonly<Record<CodecName, Codec>> = {
  int8: int8Codec,
  float32: float32Codec,
};

/** The codec of that name. */
export function codecByName(name: CodecName): Codec {
  return CODECS[name];
}
