/** The float32 NaN, little-endian. */
const NAN_BYTES = [0x00, 0x00, 0xc0, 0x7f] as const;
/** No scale that an encoder would choose: 2^127 times a level is no finite float. */
const EXPONENT = 0x7f;

/**
 * Payload bytes whose values are not finite, which no encoder makes: int8 cannot carry NaN, so that its first scale is
 * made infinite; float32 gets a NaN.
 *
 * @param headerBytes - Bytes before the first scale or value.
 */
export function spoilPayload(
  codec: "int8" | "float32",
  payload: Uint8Array,
  headerBytes: number,
): Uint8Array {
  const spoilt = payload.slice();
  spoilt.set(codec === "int8" ? [EXPONENT] : NAN_BYTES, headerBytes);
  return spoilt;
}
