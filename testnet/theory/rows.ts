/** A number of theory, and what this code makes of it. */
export interface TheoryRow {
  /** What it is, with the case that it is of. */
  readonly quantity: string;
  readonly expected: number;
  readonly computed: number;
  /** How far apart they may be: half a unit of the last digit given, or what chance does. */
  readonly tolerance: number;
  readonly holds: boolean;
}

/** Numbers of one kind, with where they come from. */
export interface TheoryTable {
  readonly name: string;
  readonly source: string;
  readonly rows: readonly TheoryRow[];
}

export function row(
  quantity: string,
  expected: number,
  computed: number,
  tolerance: number,
): TheoryRow {
  const holds = Math.abs(computed - expected) <= tolerance;
  return { quantity, expected, computed, tolerance, holds };
}

/** Of a number that is given with so many decimals. */
export function decimalsOf(digits: number): number {
  return 0.5001 * 10 ** -digits;
}
