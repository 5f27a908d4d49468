import { z } from "zod";
import { roundTimingSchema } from "../../consensus/index.ts";

/** How long to wait for what: the round's clock, and the node's own. */
export const timingSection = roundTimingSchema.extend({
  heartbeatMs: z
    .int()
    .min(100)
    .max(3_600_000)
    .default(10_000)
    .describe("Milliseconds between two heartbeat lines of the log."),
  stopMs: z
    .int()
    .min(100)
    .max(600_000)
    .default(10_000)
    .describe("Longest graceful stop after the first signal, in milliseconds."),
  lingerMs: z
    .int()
    .min(0)
    .max(86_400_000)
    .default(30_000)
    .describe("How long --exit-when-finished goes on serving slower peers, in milliseconds."),
});

export const storageSection = z.strictObject({
  keepRounds: z
    .int()
    .min(0)
    .max(10_000)
    .default(20)
    .describe(
      "Rounds of mode agreed kept so that they can be mixed again (klatch member, rollback).",
    ),
  keepBytes: z
    .int()
    .min(0)
    .max(2 ** 50)
    .default(2 ** 30)
    .describe("Bytes that these rounds take at most: state and updates of each."),
});

export const statusSection = z.strictObject({
  enabled: z.boolean().default(true).describe("Serve the status endpoint."),
  host: z
    .string()
    .min(1)
    .max(255)
    .default("127.0.0.1")
    .describe("Address of the status endpoint; read-only, but it tells who takes part."),
  port: z.int().min(0).max(65_535).default(8800).describe("Its TCP port; 0 takes any free one."),
  allowRemote: z
    .boolean()
    .default(false)
    .describe(
      "Allow an address that other machines can reach, for who shows the token in the data folder.",
    ),
  hostnames: z
    .array(z.string().min(1).max(255))
    .max(32)
    .default([])
    .describe("Further names accepted in the Host header, besides localhost and the address."),
});

export const logSection = z.strictObject({
  level: z
    .enum(["trace", "debug", "info", "warn", "error", "silent"])
    .default("info")
    .describe("Least serious level that is logged."),
  format: z
    .enum(["auto", "pretty", "json"])
    .default("auto")
    .describe("auto writes for people on a terminal and JSON lines elsewhere."),
});
