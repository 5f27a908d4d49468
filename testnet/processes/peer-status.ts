import { nodeStatusSchema } from "../../src/node/records/record-schemas.ts";
import type { NodeStatus } from "../../src/node/records/records.ts";
import { heardStatus } from "../../src/node/records/told.ts";
import { LOOPBACK } from "./peer-config.ts";

/** Longest wait for an answer of a peer's status endpoint, ms. */
const ANSWER_MS = 3000;

/** A peer's status; null while its endpoint does not answer. */
export async function readStatus(port: number, host = LOOPBACK.host): Promise<NodeStatus | null> {
  const answer = await ask(`http://${host}:${port}/status`);
  return answer === null ? null : heardStatus(nodeStatusSchema.parse(answer));
}

async function ask(url: string): Promise<unknown> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
    return response.ok ? await response.json() : null;
  } catch {
    // Nothing listens yet, or no longer, or the process was killed in mid-answer.
    return null;
  }
}
