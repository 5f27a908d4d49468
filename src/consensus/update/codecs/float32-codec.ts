import { type Codec, refuse } from "./codec.ts";
import { CODEC_HEADER_BYTES, refusalOfHeader, viewOf, writeHeader } from "./codec-header.ts";
import { largestMagnitude } from "./scales.ts";

const FLOAT_BYTES = 4;

/** The values as they are: header, then little-endian IEEE 754 single precision. Lossless. */
export const float32Codec: Codec = {
  name: "float32",
  size: (length) => CODEC_HEADER_BYTES + FLOAT_BYTES * length,
  encode: (values) => {
    largestMagnitude(values, 0, values.length);
    const bytes = new Uint8Array(float32Codec.size(values.length));
    writeHeader(bytes, "float32", values.length);
    const view = viewOf(bytes);
    for (let index = 0; index < values.length; index += 1) {
      view.setFloat32(CODEC_HEADER_BYTES + FLOAT_BYTES * index, values[index] as number, true);
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
