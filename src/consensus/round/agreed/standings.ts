import type { Block, Opinion } from "./messages.ts";
import type { Quorum } from "./quorum.ts";

/** Highest level of trust. */
export const LEVEL_MAX = 8;
/** Below this level a member's updates count for nothing: one majority that calls it harmful leads there from the highest. */
const LEVEL_COUNTED = 5;

/** Everybody is trusted until ballots say otherwise. */
export function firstLevels(members: number): readonly number[] {
  return Array.from({ length: members }, () => LEVEL_MAX);
}

/**
 * The levels after a block. Harmful to more than half of the members: half of it, so that who harms again and again is
 * out for longer each time. Else not harmful to more than f: one up. Else as before. Ballots that a block leaves out count
 * as silent, so leaving them out accuses nobody; the author's own opinion of itself does not count.
 */
export function levelsAfter(
  levels: readonly number[],
  { ballots }: Pick<Block, "ballots">,
  { members, faulty }: Quorum,
): readonly number[] {
  const say = (author: number, ...said: readonly Opinion[]) =>
    ballots.filter(
      ({ place, opinions }) =>
        place !== author && said.some((opinion) => opinions[author] === opinion),
    ).length;
  return levels.map((level, author) => {
    if (2 * say(author, "harmful") > members) return level >> 1;
    if (say(author, "helpful", "neutral") > faulty) return Math.min(LEVEL_MAX, level + 1);
    return level;
  });
}

/**
 * The shares of the authors of a cut: 0 of those whom majorities called harmful of late, the rest alike; they sum to 1. Of
 * authors below the level the least trusted lose their share, f at most, and only as many as leave 2f + 1: honest updates
 * stay more than half even if every verdict was rigged.
 */
export function sharesOfCut(
  levels: readonly number[],
  cut: readonly number[],
  { faulty }: Quorum,
): readonly number[] {
  const levelOf = (place: number) => levels[place] ?? LEVEL_MAX;
  const suspendedMax = Math.max(0, Math.min(faulty, cut.length - 2 * faulty - 1));
  const suspended = cut
    .filter((place) => levelOf(place) < LEVEL_COUNTED)
    .sort((a, b) => levelOf(a) - levelOf(b) || a - b)
    .slice(0, suspendedMax);
  const share = 1 / (cut.length - suspended.length);
  return cut.map((place) => (suspended.includes(place) ? 0 : share));
}
