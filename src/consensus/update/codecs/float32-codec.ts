import { KlatchError } from "../../../errors.ts";
import { type Codec, refuse } from "./codec.ts";
import { CODEC_HEADER_BYTES, refusalOfHeader, viewOf, writeHeader } from "./codec-header.ts";

const FLOAT_BYTES = 4;

/** The values as they are: header, then little-endian IEEE 754 single precision. Lossless. */
export const float32Codec: Codec = {
  name: "float32",
  size: (length) => CODEC_HEADER_BYTES + FLOAT_BYTES * length,
  encode: (values) => {
    const bytes = new Uint8Array(float32Codec.size(values.length));
    writeHeader(bytes, "float32", values.length);
    const view = viewOf(bytes);
    for (const [index, value] of values.entries()) {
      if (!Number.isFinite(value)) throw nonFinite(index, value);
      view.setFloat32(CODEC_HEADER_BYTES + FLOAT_BYTES * index, value, true);
    }
    return bytes;
  },
  decode: (bytes, length) => {
    const refusal = refusalOfHeader(bytes, "float32", length, float32Codec.size(length));
    if (refusal !== null) return refuse(refusal);
    const values = new Float32Array(length);
    const view = viewOf(bytes);
    for (let index = 0; index < length; index += 1) {
      const value = view.getFloat32(CODEC_HEADER_BYTES + FLOAT_BYTES * index, true);
      if (!Number.isFinite(value)) return refuse("non-finite");
      values[index] = value;
    }
    return { ok: true, values };
  },
};

/** The error for values that training should never have produced. */
export function nonFinite(index: number, value: number): KlatchError {
  return new KlatchError(
    "diverged",
    `Value ${index} of the update is ${value}: training diverged.`,
    "Lower the learning rate, or go on from an earlier checkpoint.",
  );
}
