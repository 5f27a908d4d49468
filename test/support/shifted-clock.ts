/** Preloaded by a process of a test whose clock is to be wrong by TEST_CLOCK_SHIFT_MS. */
const { now } = Date;
const { TEST_CLOCK_SHIFT_MS } = process.env;
const shift = Number(TEST_CLOCK_SHIFT_MS ?? 0);
Date.now = () => now() + shift;
