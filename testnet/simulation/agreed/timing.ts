/** Clock and patience of schedules. */
export const TIMING = {
  ...{ commitGraceMs: 2000, graceShare: 0.5, toleranceShare: 0.2, missesMax: 2, patienceFactor: 4 },
  ...{ fetchGraceMs: 2000, fetchMaxMs: 8000, openDelayMs: 500, viewMs: 1000, repeatMs: 1000 },
};
