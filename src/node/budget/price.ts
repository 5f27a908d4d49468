import { type CodecName, codecByName, degreeOf, parseTopology } from "../../consensus/index.ts";
import type { AdapterLayout } from "../../types.ts";
import type { Config } from "../config/config.ts";
import { modeOf } from "../config/mode-of.ts";
import { OVERHEAD } from "./measured.ts";

/** Bytes of a round after the first `run.warmUp`, for one member. */
export interface Price {
  /** Of one payload, as it is sent to one other. */
  readonly payload: number;
  readonly sent: number;
  readonly received: number;
  /** Part of `sent`, and of `received`, that is no payload; an estimate. */
  readonly overhead: number;
}

/**
 * What a round costs a member that exchanges `length` values by a codec. A payload goes to every neighbour in mode
 * `gossip`, to every other member in mode `agreed`, and one comes from each.
 */
export function priceOf(run: Config["run"], codec: CodecName, length: number): Price {
  const payload = codecByName(codec).size(length);
  const overhead = OVERHEAD[modeOf(run)] * Math.max(0, run.members.length - 1);
  const bytes = partnersOf(run) * payload + overhead;
  return { payload, sent: bytes, received: bytes, overhead };
}

/** Rank of the LoRA factors that an adapter has; null of other methods, and of layers with ranks of their own. */
export function rankIn({ tensors }: AdapterLayout): number | null {
  const ranks = tensors.flatMap(({ name, shape }) => (FACTOR_A.test(name) ? [shape[0]] : []));
  const [rank] = ranks;
  return rank !== undefined && ranks.every((each) => each === rank) ? rank : null;
}

/** Values that the same adapter has with factors of another rank. */
export function lengthAt(layout: AdapterLayout, rank: number): number {
  const own = rankIn(layout);
  if (own === null) return layout.length;
  const inFactors = layout.tensors
    .filter(({ name }) => FACTOR.test(name))
    .reduce((sum, { shape }) => sum + shape.reduce((size, side) => size * side, 1), 0);
  return layout.length - inFactors + (inFactors / own) * rank;
}

// --- internal ---

const FACTOR_A = /\.lora_A\.weight$/;
const FACTOR = /\.lora_[AB]\.weight$/;

/** With how many a member exchanges payloads. */
function partnersOf(run: Config["run"]): number {
  const count = run.members.length;
  return modeOf(run) === "agreed"
    ? Math.max(0, count - 1)
    : degreeOf(parseTopology(run.topology), count);
}
