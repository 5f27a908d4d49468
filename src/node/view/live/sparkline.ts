import { mean } from "../quantities.ts";

const BARS = "▁▂▃▄▅▆▇█";

/**
 * Numbers as a line of bars from the least to the greatest of them: as many as there are characters, each the mean of
 * its part. A blank where there is none.
 */
export function sparkline(values: readonly (number | null)[], width: number): string {
  const count = Math.min(width, values.length);
  const means = Array.from({ length: count }, (_, place) =>
    meanOf(
      values.slice(
        Math.floor((place * values.length) / count),
        Math.floor(((place + 1) * values.length) / count),
      ),
    ),
  );
  const known = means.filter((value) => value !== null);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const step = (value: number) =>
    most === least ? 0 : Math.round(((value - least) / (most - least)) * (BARS.length - 1));
  return means.map((value) => (value === null ? " " : BARS[step(value)])).join("");
}

// --- internal ---

function meanOf(values: readonly (number | null)[]): number | null {
  return mean(values.filter((value) => value !== null && Number.isFinite(value)) as number[]);
}
