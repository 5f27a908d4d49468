import { CODEC_NAMES, CODEC_NUMBERS, type CodecName } from "../../src/consensus/index.ts";
import { type Attack, decorated } from "./attack.ts";

/**
 * By codec, bytes after the header that decode to no finite number: the NaN of float32; for the others, which cannot carry
 * NaN, a scale that no encoder would choose, 2^127.
 */
const NOT_FINITE: Readonly<Record<CodecName, readonly number[]>> = {
  int8: [0x7f],
  float32: [0x00, 0x00, 0xc0, 0x7f],
  int4: [0x7f],
  int2: [0x7f],
  sign: [0x7f],
  ternary: [0x7f],
  sparse: [0x7f],
  masked: [0x7f],
};

/** Attacks on the bytes that are served. */
export const PAYLOAD_ATTACKS = {
  nan: {
    kind: "payload",
    text: "bytes whose values are not finite, which no encoder makes",
    disguise: (ports) => {
      const { updates, agreedUpdates } = ports;
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
        agreedUpdates: decorated(agreedUpdates, {
          offer: (memory, state, ground) => {
            const made = agreedUpdates.offer(memory, state, ground);
            const header = agreedUpdates.payloadBytes(ground.height, 0);
            const codec = agreedUpdates.codec(ground.height);
            return { ...made, payload: spoilPayload(codec, made.payload, header) };
          },
        }),
      };
    },
  },
} as const satisfies Record<string, Attack>;

// --- internal ---

function spoilPayload(codec: number, payload: Uint8Array, headerBytes: number): Uint8Array {
  const name = CODEC_NAMES.find((each) => CODEC_NUMBERS[each] === codec);
  const spoilt = payload.slice();
  if (name !== undefined) spoilt.set(NOT_FINITE[name], headerBytes);
  return spoilt;
}
