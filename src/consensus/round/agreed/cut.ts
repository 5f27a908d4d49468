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
  const counts = support(ballots, members);
  const cut = counts.flatMap((payloads, place) => {
    const [only, ...more] = [...payloads].filter(([, count]) => count >= size - faulty);
    return only === undefined || more.length > 0 ? [] : [{ place, payload: only[0] }];
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

/** How many ballots hold each payload as sound, by author. */
function support(
  ballots: readonly Pick<BlockBallot, "opinions" | "held">[],
  members: number,
): readonly ReadonlyMap<Digest, number>[] {
  const counts = Array.from({ length: members }, () => new Map<Digest, number>());
  for (const { opinions, held } of ballots) {
    // what a ballot holds twice counts once
    const places = new Set<number>();
    for (const { place, payload } of held) {
      const ofAuthor = counts[place];
      if (ofAuthor === undefined || places.has(place) || !isSound(opinions[place])) continue;
      places.add(place);
      ofAuthor.set(payload, (ofAuthor.get(payload) ?? 0) + 1);
    }
  }
  return counts;
}
