import { CODEC_NUMBERS } from "../../src/consensus/index.ts";
import { type Attack, decorated } from "./attack.ts";

/** The float32 NaN, little-endian. */
const NAN_BYTES = [0x00, 0x00, 0xc0, 0x7f] as const;
/** No scale that an encoder would choose: 2^127 times a level is no finite float. */
const EXPONENT = 0x7f;

/** Attacks on the bytes that are served. */
export const PAYLOAD_ATTACKS = {
  nan: {
    kind: "payload",
    text: "bytes whose values are not finite, which no encoder makes",
    disguise: (ports) => {
      const { updates } = ports;
      return {
        ...ports,
        updates: decorated(updates, {
          offer: (memory, state) => {
            const made = updates.offer(memory, state);
            return {
              ...made,
              payload: spoilPayload(updates.codec, made.payload, updates.payloadBytes(0)),
            };
          },
        }),
      };
    },
  },
} as const satisfies Record<string, Attack>;

// --- internal ---

/**
 * Payload bytes whose values are not finite: int8 cannot carry NaN, so that its first scale is made infinite; float32 gets
 * a NaN.
 *
 * @param headerBytes - Bytes before the first scale or value.
 */
function spoilPayload(codec: number, payload: Uint8Array, headerBytes: number): Uint8Array {
  const spoilt = payload.slice();
  spoilt.set(codec === CODEC_NUMBERS.int8 ? [EXPONENT] : NAN_BYTES, headerBytes);
  return spoilt;
}
