import type { Card } from "./card.ts";
import type { DType, Figures, Program } from "./rows.ts";

/** What a card can do at most by its maker's data sheet: operations per second without sparsity, bytes per second. */
export interface Peaks {
  readonly f32: number;
  /** Matrix products of half floats that add up in float32. */
  readonly f16: number;
  readonly bandwidth: number;
}

const peaks = (f32: number, f16: number, bandwidth: number): Peaks => ({
  f32: f32 * 1e12,
  f16: f16 * 1e12,
  bandwidth: bandwidth * 1e12,
});

/** By what nvidia-smi calls the card; the first that matches. */
const CARDS: readonly (readonly [RegExp, Peaks])[] = [
  [/\bH200 NVL\b/, peaks(60, 835, 4.8)],
  [/\bH200\b/, peaks(67, 989, 4.8)],
  [/\bH100 NVL\b/, peaks(60, 835, 3.9)],
  [/\bH100 PCIe\b/, peaks(51, 756, 2)],
  [/\bH100\b/, peaks(67, 989, 3.35)],
  [/\bA100\b.*80GB/, peaks(19.5, 312, 1.935)],
  [/\bA100\b/, peaks(19.5, 312, 1.555)],
  [/\bL4\b/, peaks(30.3, 121, 0.3)],
  [/\bRTX 4090$/, peaks(82.6, 165.2, 1.008)],
];

/** The peaks of a card by its name; null for one that is not in the table. */
export function peaksOf(card: Pick<Card, "name"> | null): Peaks | null {
  return CARDS.find(([name]) => card !== null && name.test(card.name))?.[1] ?? null;
}

/** What one training step on a model works on. */
export interface StepWork {
  /** Tokens of the batch, and of one row. */
  readonly tokens: number;
  readonly sequence: number;
  /** Parameters of the matrices in the blocks, and of the head. */
  readonly linears: number;
  readonly head: number;
  readonly layers: number;
  /** Query heads times their size. */
  readonly attentionWidth: number;
}

/** Seconds that a step takes at least. */
export interface Floors {
  readonly arithmetic: number;
  readonly bytes: number;
}

export const FORMULAE = [
  "Arithmetic: tokens x (4 x parameters of all matrices + 6 x layers x sequence x attention width) / operations per second. " +
    "Every matrix is multiplied once forward and once backward, for frozen ones have no gradient; causal attention is half of a square.",
  "Bytes: 2 x bytes of all matrices / bandwidth. Each is read once forward and once backward.",
  "Klatch computes in float32 whatever the base is kept in, and keeps a tied head in float32; PyTorch's f16 computes in half floats.",
] as const;

/** The least that a step takes on the card. */
export function floors(work: StepWork, program: Program, dtype: DType, card: Peaks): Floors {
  const { tokens, sequence, linears, head, layers, attentionWidth } = work;
  const halves = dtype === "f16";
  const rate = halves && program === "pytorch" ? card.f16 : card.f32;
  const perToken = 4 * (linears + head) + 6 * layers * sequence * attentionWidth;
  const weightBytes = linears * (halves ? 2 : 4) + head * (halves && program === "pytorch" ? 2 : 4);
  return { arithmetic: (tokens * perToken) / rate, bytes: (2 * weightBytes) / card.bandwidth };
}

/** Whether a row was computed on the card: floors of a card say nothing of what a CPU did. */
export function runsOnCard(program: Program, { onCpu }: Pick<Figures, "onCpu">): boolean {
  return !onCpu && ["pytorch", "onnx:webgpu", "onnx:cuda", "tfjs:gpu"].includes(program);
}
