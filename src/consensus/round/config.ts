import * as z from "zod";

const milliseconds = (name: string, fallback: number, min: number, max: number) =>
  z.number().min(min).max(max).default(fallback).describe(name);

/** Clock and patience of the round step; every duration in milliseconds. */
export const roundTimingSchema = z.strictObject({
  // A peer that is killed and comes back within 5 s, with rounds of 5 s, needs about 12 s to announce.
  commitGraceMs: milliseconds(
    "Least time that slower peers get to announce, counted from the moment a quorum has announced.",
    15_000,
    10,
    3_600_000,
  ),
  commitMaxMs: milliseconds(
    "Longest wait for announcements, whatever has arrived.",
    1_800_000,
    10,
    86_400_000,
  ),
  // Longer than commitGraceMs: a peer that closes its round later serves later.
  fetchGraceMs: milliseconds(
    "Least time that slower payloads get, counted from the moment a quorum of payloads has arrived.",
    20_000,
    10,
    3_600_000,
  ),
  fetchMaxMs: milliseconds(
    "Longest wait for payloads, whatever has arrived.",
    120_000,
    10,
    86_400_000,
  ),
  quorumShare: z
    .number()
    .min(0.1)
    .max(1)
    .default(0.5)
    .describe("Share of the expected neighbourhood, this node included, that makes a quorum."),
  spreadFactor: z
    .number()
    .min(0)
    .max(100)
    .default(2)
    .describe("A grace is at least this many times the spread of the arrivals up to the quorum."),
  graceShare: z
    .number()
    .min(0)
    .max(10)
    .default(0.5)
    .describe("A grace for announcements is at least this share of the node's own training time."),
  patienceFactor: z
    .number()
    .min(1)
    .max(100)
    .default(4)
    .describe("Without a quorum, wait this many times the node's own training time."),
  missesMax: z
    .int()
    .min(1)
    .max(1000)
    .default(2)
    .describe(
      "A peer that was waited for in vain this often delays nobody until it is punctual by itself.",
    ),
  toleranceShare: z
    .number()
    .min(0.01)
    .max(1)
    .default(0.2)
    .describe("Share of a grace that a peer may use every time; to use more counts as a miss."),
  openDelayMs: milliseconds(
    "Mode agreed: time between the lists of a quorum and the opening of payloads, in which lists reach everybody.",
    2000,
    0,
    600_000,
  ),
  viewMs: milliseconds(
    "Mode agreed: least time that a proposer has to end the round before the next one may.",
    2000,
    100,
    600_000,
  ),
  repeatMs: milliseconds(
    "Mode agreed: pause after which a node compares what it knows of the round with another's.",
    3000,
    100,
    600_000,
  ),
  announcementsMax: z
    .int()
    .min(2)
    .max(64)
    .default(8)
    .describe("Announcements kept of each neighbour: the newest rounds, past and future."),
});

/** Clock and patience of the round step, with every default filled in. */
export type RoundTiming = z.infer<typeof roundTimingSchema>;
