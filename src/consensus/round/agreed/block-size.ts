import type { BlockBallot, HeldPayload } from "./messages.ts";
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
  const kept = ballots.map((ballot) => ({ ballot, keys: ballot.held.map(keyOf) }));
  const holders = holdersOf(kept);
  while (kept.length > quorum.size && sizeOf(kept, holders) > BALLOTS_BYTES_MAX) {
    const alone = kept.map(({ keys }) => keys.filter((key) => holders.get(key) === 1).length);
    const [out] = kept.splice(alone.indexOf(Math.max(...alone)), 1);
    if (out !== undefined) leaveOut(out, holders);
  }
  return kept.map(({ ballot }) => ballot);
}

// --- internal ---

/** A ballot, with a name for each payload that it holds. */
interface Keyed {
  readonly ballot: BlockBallot;
  readonly keys: readonly string[];
}

const keyOf = ({ place, payload }: HeldPayload): string => `${place} ${payload}`;

/** How many ballots hold each payload. */
function holdersOf(ballots: readonly Keyed[]): Map<string, number> {
  const holders = new Map<string, number>();
  for (const { keys } of ballots) {
    for (const key of keys) holders.set(key, (holders.get(key) ?? 0) + 1);
  }
  return holders;
}

function leaveOut({ keys }: Keyed, holders: Map<string, number>): void {
  for (const key of keys) {
    const others = (holders.get(key) ?? 0) - 1;
    if (others > 0) holders.set(key, others);
    else holders.delete(key);
  }
}

/** Bytes in a block, rather more than less. */
function sizeOf(ballots: readonly Keyed[], holders: ReadonlyMap<string, number>): number {
  const ofBallots = ballots.map(
    ({ ballot, keys }) => BALLOT_BYTES + ballot.opinions.length + WHICH_BYTES * keys.length,
  );
  return ofBallots.reduce((sum, each) => sum + each, PAYLOAD_BYTES * holders.size);
}
