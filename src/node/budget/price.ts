import { type CodecName, codecByName, degreeOf, parseTopology } from "../../consensus/index.ts";
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
 * What a round costs a member that exchanges `length` values by a codec, and itself sends `own` of them. A payload goes to
 * every neighbour in mode `gossip`, to every other member in mode `agreed`, and one comes from each.
 */
export function priceOf(run: Config["run"], codec: CodecName, length: number, own = length): Price {
  const { size } = codecByName(codec);
  const overhead = OVERHEAD[modeOf(run)] * Math.max(0, run.members.length - 1);
  const bytesOf = (payload: number) => partnersOf(run) * payload + overhead;
  const payload = size(own);
  return { payload, sent: bytesOf(payload), received: bytesOf(size(length)), overhead };
}

// --- internal ---

/** With how many a member exchanges payloads. */
function partnersOf(run: Config["run"]): number {
  const count = run.members.length;
  return modeOf(run) === "agreed"
    ? Math.max(0, count - 1)
    : degreeOf(parseTopology(run.topology), count);
}
