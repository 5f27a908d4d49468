import { setFlagsFromString } from "node:v8";

const FLAGS = [
  // Loading modules lets the part for young objects grow to tens of MiB, which a waiting node never needs again.
  "--semi-space-growth-factor=1",
  // It cannot grow in threads either: the learner's begins with what holds the graphs that it makes. MiB.
  "--min-semi-space-size=4",
  // Garbage is collected at 1.4 times of what was alive the last time, not at up to 4 times.
  "--heap-growing-percent=40",
];

/**
 * Keeps the heaps of this process and of the threads that it starts small; to be called before anything large is loaded.
 * For programs that run for days beside others; a host that embeds Klatch decides for itself.
 */
export function keepHeapSmall(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
}
