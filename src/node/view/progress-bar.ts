const BAR_WIDTH = 24;

/** `[######..................] 25 %` for a share of 0.25. */
export function bar(share: number): string {
  const drawn = "#".repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, ".");
  return `[${drawn}] ${Math.floor(100 * share)} %`;
}
