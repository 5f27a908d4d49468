/** Preloaded by a process whose clock is to be wrong by TEST_CLOCK_SHIFT_MS: what asks for the day or the time gets that. */
const { now } = Date;
const { TEST_CLOCK_SHIFT_MS } = process.env;
const shift = Number(TEST_CLOCK_SHIFT_MS ?? 0);
Date.now = () => now() + shift;
globalThis.Date = new Proxy(Date, {
  construct: (target, parts, made) =>
    Reflect.construct(target, parts.length === 0 ? [target.now()] : parts, made),
});
