import { tokenIn } from "../../src/node/http/status-client.ts";
import { nodeStatusSchema } from "../../src/node/records/record-schemas.ts";
import type { NodeStatus } from "../../src/node/records/records.ts";
import { heardStatus } from "../../src/node/records/told.ts";
import { LOOPBACK } from "./peer-config.ts";

/** Longest wait for an answer of a peer's status endpoint, ms. */
const ANSWER_MS = 3000;

/** A peer's status; null while its endpoint does not answer. On another host than this it is shown the folder's token. */
export async function readStatus(
  port: number,
  { host = LOOPBACK.host, dataDir }: { readonly host?: string; readonly dataDir?: string } = {},
): Promise<NodeStatus | null> {
  const token = dataDir === undefined ? null : tokenIn(dataDir);
  const answer = await ask(`http://${host}:${port}/status`, token);
  return answer === null ? null : heardStatus(nodeStatusSchema.parse(answer));
}

async function ask(url: string, token: string | null): Promise<unknown> {
  try {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_MS) });
    return response.ok ? await response.json() : null;
  } catch {
    // Nothing listens yet, or no longer, or the process was killed in mid-answer.
    return null;
  }
}
