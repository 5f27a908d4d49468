import type { Block } from "./messages.ts";
import type { Quorum } from "./quorum.ts";

/** Levels of trust: a share grows from a half of an equal one at 0 to a whole one at the highest. */
export const LEVEL_MAX = 8;

/** Everybody is trusted until ballots say otherwise. */
export function firstLevels(members: number): readonly number[] {
  return Array.from({ length: members }, () => LEVEL_MAX);
}

/**
 * The levels after a block: harmful to more than half of the members, one step down; helpful to more than f, one step
 * up; else as before. Ballots that a block leaves out count as silent, so leaving them out accuses nobody; the author's
 * own opinion of itself does not count.
 */
export function levelsAfter(
  levels: readonly number[],
  { ballots }: Pick<Block, "ballots">,
  { members, faulty }: Quorum,
): readonly number[] {
  const says = (opinion: string, author: number) =>
    ballots.filter(({ place, opinions }) => place !== author && opinions[author] === opinion)
      .length;
  return levels.map((level, author) => {
    if (2 * says("harmful", author) > members) return Math.max(0, level - 1);
    if (says("helpful", author) > faulty) return Math.min(LEVEL_MAX, level + 1);
    return level;
  });
}

/**
 * The shares of the authors of a cut: a half to a whole of an equal share by level, scaled to the sum 1. In a cut of 3f
 * or fewer all are equal, so that f members stay below half even if every level is rigged.
 */
export function sharesOfCut(
  levels: readonly number[],
  cut: readonly number[],
  { faulty }: Quorum,
): readonly number[] {
  const areEqual = cut.length <= 3 * faulty;
  const parts = cut.map((place) =>
    areEqual ? 1 : 0.5 + (0.5 * (levels[place] ?? LEVEL_MAX)) / LEVEL_MAX,
  );
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map((part) => part / sum);
}
