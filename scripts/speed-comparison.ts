/** One run of one program. */
export interface SpeedRun {
  readonly tokensPerSecond: number;
  readonly peakRssBytes: number;
}

/** The runs of several programs on one task, taken in turn: run i of each stood beside run i of the others. */
export type Runs = ReadonlyMap<string, readonly SpeedRun[]>;

/** Median, least and most. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface ProgramSpeed {
  readonly name: string;
  readonly tokensPerSecond: Spread;
  /** The most memory of any run. */
  readonly peakRssBytes: number;
  /** Speed of the first program over this one's, run by run. */
  readonly ratio: Spread;
}

/** Median (of two middle ones, the greater), least and most of some numbers. */
export function spread(numbers: readonly number[]): Spread {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  return {
    median: at(Math.floor(sorted.length / 2)),
    least: at(0),
    most: at(sorted.length - 1),
  };
}

/** What the runs say; ratios compare runs that stood side by side, so that load on the machine falls on both. */
export function compare(runs: Runs): readonly ProgramSpeed[] {
  const [ours = []] = runs.values();
  return [...runs].map(([name, each]) => ({
    name,
    tokensPerSecond: spread(each.map((run) => run.tokensPerSecond)),
    peakRssBytes: Math.max(...each.map((run) => run.peakRssBytes)),
    ratio: spread(each.map((run, i) => (ours[i]?.tokensPerSecond ?? NaN) / run.tokensPerSecond)),
  }));
}
