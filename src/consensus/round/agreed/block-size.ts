import type { BlockBallot } from "./messages.ts";
import type { Quorum } from "./quorum.ts";

/** What ballots and their payloads may take of the mebibyte of a block; the rest is for all else that it carries. */
export const BALLOTS_BYTES_MAX = 960 * 1024;
/** A payload in the block's table: place, digest and size, at most. */
const PAYLOAD_BYTES = 46;
/** A ballot beside a byte for each opinion: place, signature, and the lengths before them. */
const BALLOT_BYTES = 80;
/** Which of several payloads of an author a ballot holds. */
const WHICH_BYTES = 3;

/**
 * Leaves out ballots until the rest fits into a block, one after the other, that first which alone holds the most
 * payloads. Authors that announce something else to each member, and members that hold what nobody announced, make a
 * block large; of up to 200 members the ballots of any quorum fit.
 */
export function withinBlock(
  ballots: readonly BlockBallot[],
  quorum: Quorum,
): readonly BlockBallot[] {
  const holders = holdersOf(ballots);
  if (ballots.length <= quorum.size || sizeOf(ballots, holders) <= BALLOTS_BYTES_MAX) {
    return ballots;
  }
  const alone = ballots.map(({ held }) => held.filter((each) => holders.get(keyOf(each)) === 1));
  const most = alone.map(({ length }) => length);
  return withinBlock(ballots.toSpliced(most.indexOf(Math.max(...most)), 1), quorum);
}

// --- internal ---

type Held = BlockBallot["held"][number];

const keyOf = ({ place, payload }: Held): string => `${place} ${payload}`;

/** How many ballots hold each payload. */
function holdersOf(ballots: readonly BlockBallot[]): ReadonlyMap<string, number> {
  const holders = new Map<string, number>();
  for (const { held } of ballots) {
    for (const each of held) holders.set(keyOf(each), (holders.get(keyOf(each)) ?? 0) + 1);
  }
  return holders;
}

/** Bytes in a block, rather more than less. */
function sizeOf(ballots: readonly BlockBallot[], holders: ReadonlyMap<string, number>): number {
  const ofBallots = ballots.map(
    ({ opinions, held }) => BALLOT_BYTES + opinions.length + WHICH_BYTES * held.length,
  );
  return ofBallots.reduce((sum, each) => sum + each, PAYLOAD_BYTES * holders.size);
}
