/** Time, as a node asks for it: a simulator hands in another. */
export interface Clock {
  /** Time of the round, milliseconds: never jumps. */
  now(): number;
  /** Time of the world, for what others read: whole milliseconds since the epoch. */
  wallClock(): number;
  /** Calls back once, that many milliseconds from now; returns what calls it off. */
  after(milliseconds: number, run: () => void): () => void;
}

/** Resolves after a while, or at once when the signal aborts. */
export async function pause(
  clock: Clock,
  milliseconds: number,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const callOff = clock.after(milliseconds, resolve);
  const end = () => {
    callOff();
    resolve();
  };
  signal.addEventListener("abort", end, { once: true });
  await promise;
  signal.removeEventListener("abort", end);
}

/** The clocks and timers of this process. */
export const systemClock: Clock = {
  // What has passed since the start of the process, added to the time of that: immune to changes of the clock.
  now: () => Math.round(performance.timeOrigin + performance.now()),
  wallClock: Date.now,
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};
