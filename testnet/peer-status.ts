import { z } from "zod";
import type { NodeStatus } from "../src/node/contract.ts";
import { STANDINGS } from "../src/types.ts";

const count = z.number().min(0);
const loss = z.number().nullable();

const evaluation = z.object({
  loss: z.number(),
  perplexity: z.number(),
  exactMatch: z.number(),
  tokens: count,
  examples: count,
});

const peerStatus = z.object({
  peer: z.string(),
  connected: z.boolean(),
  neighbour: z.boolean(),
  standing: z.enum(STANDINGS),
  score: z.number(),
  round: z.number().nullable(),
  lastReason: z.string().nullable(),
  roundTripMs: z.number().nullable(),
  gossipScore: z.number().nullable(),
});

const summary = z.object({ examples: count, tokens: count, truncated: count, skipped: count });

const nodeStatus = z.object({
  version: z.string(),
  peerId: z.string(),
  run: z.string(),
  addresses: z.array(z.string()),
  startedAt: z.number(),
  state: z.enum(["joining", "running", "finished", "stopping"]),
  phase: z.enum(["train", "commit", "fetch", "mix", "done"]),
  round: count,
  rounds: count,
  waitingFor: z.array(z.string()),
  deadline: z.number().nullable(),
  trainLoss: loss,
  heldOutLoss: loss,
  evaluation: evaluation.nullable(),
  rule: z.string(),
  attackersMax: count,
  certifiedAttackers: count,
  data: z.object({ train: summary, heldOut: summary, test: summary }),
  bytesSent: count,
  bytesReceived: count,
  peers: z.array(peerStatus),
  refusals: z.record(z.string(), count),
});

/** Longest wait for an answer of a peer's status endpoint, ms. */
const ANSWER_MS = 3000;

/** A peer's status; null while its endpoint does not answer. */
export async function readStatus(port: number): Promise<NodeStatus | null> {
  const answer = await ask(port, "/status");
  return answer === null ? null : nodeStatus.parse(answer);
}

async function ask(port: number, path: string): Promise<unknown> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return response.ok ? await response.json() : null;
  } catch {
    // Nothing listens yet, or no longer, or the process was killed in mid-answer.
    return null;
  }
}
