import type { CodecName } from "../../consensus/index.ts";
import type { RunMode } from "../../types.ts";

/** A way for updates to travel whose loss was measured. */
export interface Measured {
  readonly codec: CodecName;
  /** Of the LoRA factors. */
  readonly rank: number;
  /** AdamW step size that it was measured with; null for the one of `auto`. */
  readonly learningRate: number | null;
  /** Test loss after twelve rounds, as times that of int8. */
  readonly loss: number;
}

/** The rank that codecs were compared at: what they cost in loss at any other is taken to be the same. */
export const COMMON_RANK = 8;

/**
 * docs/BENCHMARKS.md, section 10: ten members, one domain of clinc150 each, 656K model, 12 rounds x 20 steps, one seed.
 * From most bytes to fewest. float32 is no choice: int8 has its loss. What was not measured there is none either.
 */
export const MEASURED: Readonly<Record<RunMode, readonly Measured[]>> = {
  gossip: [
    { codec: "int8", rank: 8, learningRate: null, loss: 1 },
    { codec: "int2", rank: 8, learningRate: null, loss: 1.02 },
    { codec: "sign", rank: 8, learningRate: null, loss: 1.16 },
  ],
  agreed: [
    { codec: "int8", rank: 8, learningRate: null, loss: 1 },
    { codec: "int2", rank: 8, learningRate: null, loss: 0.96 },
    { codec: "sign", rank: 8, learningRate: null, loss: 1.06 },
    { codec: "sign", rank: 4, learningRate: 0.005, loss: 1.06 },
  ],
};

/**
 * Bytes that a member sends in a round for each other member besides payloads: announcements, requests, agreement,
 * copies that cross. The most that any of ten peers sent in rounds 2 to 5 (docs/BENCHMARKS.md, sections 9 and 10: `klatch
 * testnet run --mode gossip|agreed --peers 10 --rounds 5 --steps 20`), less nine payloads of int8: 387.5 and 392.3 of
 * 350.7 KB, 4.1 and 4.6 KB for each of nine. The mean is 2.2 and 3.4.
 */
export const OVERHEAD: Readonly<Record<RunMode, number>> = { gossip: 4100, agreed: 4700 };
