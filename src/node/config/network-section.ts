import { z } from "zod";

/** The wire; its keys follow src/gossip's own section. */
export const networkSection = z.strictObject({
  listen: z
    .array(z.string().min(1).max(512))
    .max(16)
    .default(["/ip4/0.0.0.0/tcp/4800"])
    .describe("Addresses to listen on."),
  bootstrap: z
    .array(z.string().min(1).max(512))
    .max(256)
    .default([])
    .describe("Addresses of other members, with their peer ids."),
});
