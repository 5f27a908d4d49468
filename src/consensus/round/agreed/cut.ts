import type { Digest } from "../../../types.ts";
import { type BlockBallot, type HeldPayload, isSound } from "./messages.ts";
import type { Quorum } from "./quorum.ts";

/**
 * Whose updates count: exactly the authors of whom q - f of the ballots hold the same payload as sound. So what all
 * honest members hold is in, whatever ballots are picked; what is in, an honest member holds; one ballot more never
 * takes an author out. An author of whom two payloads have so many has announced both, and is out. Robust rules need
 * 2f + 1 updates: with fewer the cut is empty.
 *
 * @returns by place, with the payload that counts
 */
export function cutOf(
  ballots: readonly Pick<BlockBallot, "opinions" | "held">[],
  { members, faulty, size }: Quorum,
): readonly HeldPayload[] {
  const supported = Array.from({ length: members }, (_, place) =>
    [...support(ballots, place)].filter(([, count]) => count >= size - faulty),
  );
  const cut = supported.flatMap((payloads, place) => {
    const [only] = payloads;
    return only === undefined || payloads.length > 1 ? [] : [{ place, payload: only[0] }];
  });
  return cut.length < 2 * faulty + 1 ? [] : cut;
}

/** The ballots that hold a payload of an author. */
export function ballotsHolding<B extends Pick<BlockBallot, "held">>(
  ballots: readonly B[],
  { place, payload }: HeldPayload,
): readonly B[] {
  return ballots.filter(({ held }) =>
    held.some((each) => each.place === place && each.payload === payload),
  );
}

/** Ballots that hold each payload of an author as sound. */
function support(
  ballots: readonly Pick<BlockBallot, "opinions" | "held">[],
  place: number,
): ReadonlyMap<Digest, number> {
  const counts = new Map<Digest, number>();
  for (const { opinions, held } of ballots) {
    if (!isSound(opinions[place])) continue;
    const payload = held.find((each) => each.place === place)?.payload;
    if (payload !== undefined) counts.set(payload, (counts.get(payload) ?? 0) + 1);
  }
  return counts;
}
