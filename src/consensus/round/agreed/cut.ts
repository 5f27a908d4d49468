import type { Digest } from "../../../types.ts";
import {
  type Block,
  type BlockBallot,
  type HeldPayload,
  isSound,
  type Opinion,
} from "./messages.ts";
import type { Quorum } from "./quorum.ts";

/**
 * Whose updates count: exactly the authors of whom q - f of the ballots hold the same payload as sound. So what all
 * honest members hold is in, whatever ballots are picked; what is in, an honest member holds; one ballot more never
 * takes an author out. An author of whom two payloads have so many has announced both, and is out, as is whom the evidence
 * names. Robust rules need 2f + 1 updates: with fewer the cut is empty.
 *
 * @returns by place, with the payload that counts
 */
export function cutOf(
  { ballots, evidence }: CutGround,
  { members, faulty, size }: Quorum,
): readonly HeldPayload[] {
  const accused = new Set(evidence.map(({ place }) => place));
  const counts = support(ballots, members, isSound);
  const cut = counts.flatMap((payloads, place) => {
    const [only, ...more] = [...payloads].filter(([, count]) => count >= size - faulty);
    const isOut = only === undefined || more.length > 0 || accused.has(place);
    return isOut ? [] : [{ place, payload: only[0] }];
  });
  return cut.length < 2 * faulty + 1 ? [] : cut;
}

/** What a cut follows from. */
export interface CutGround {
  readonly ballots: readonly Pick<BlockBallot, "opinions" | "held">[];
  readonly evidence: Block["evidence"];
}

/** Authors of a payload that q - f of the ballots call unsound, which follows from its bytes: an honest member says so. */
export function unsoundAuthors(
  { ballots }: Pick<CutGround, "ballots">,
  { members, faulty, size }: Quorum,
): readonly number[] {
  const isUnsound = (opinion: Opinion | undefined) => opinion !== "absent" && !isSound(opinion);
  const counts = support(ballots, members, isUnsound);
  return [...counts.keys()].filter((place) =>
    [...(counts[place]?.values() ?? [])].some((count) => count >= size - faulty),
  );
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

/** How many ballots hold each payload and think so of it, by author. */
function support(
  ballots: readonly Pick<BlockBallot, "opinions" | "held">[],
  members: number,
  thinks: (opinion: Opinion | undefined) => boolean,
): readonly ReadonlyMap<Digest, number>[] {
  const counts = Array.from({ length: members }, () => new Map<Digest, number>());
  for (const { opinions, held } of ballots) {
    // what a ballot holds twice counts once
    const places = new Set<number>();
    for (const { place, payload } of held) {
      const ofAuthor = counts[place];
      if (ofAuthor === undefined || places.has(place) || !thinks(opinions[place])) continue;
      places.add(place);
      ofAuthor.set(payload, (ofAuthor.get(payload) ?? 0) + 1);
    }
  }
  return counts;
}
