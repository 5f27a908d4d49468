import { tokenIn } from "../../src/node/http/status-client.ts";
import { nodeStatusSchema } from "../../src/node/records/record-schemas.ts";
import type { NodeStatus } from "../../src/node/records/records.ts";
import { heardStatus } from "../../src/node/records/told.ts";
import { dataFolder, LOOPBACK } from "./peer-config.ts";

/** Longest wait for an answer of a peer's status endpoint, ms. */
const ANSWER_MS = 3000;

/** Where a peer of a testnet answers, and the folder of the peer. */
export interface PeerPlace {
  readonly site: { readonly host: string };
  readonly statusPort: number;
  readonly folder: string;
}

/** The address of a peer's dashboard, with its token where it asks for one. */
export function dashboardUrl(place: PeerPlace): string {
  const token = tokenOf(place);
  return token === null ? urlOf(place) : `${urlOf(place)}/#token=${token}`;
}

/** The address of a peer's status endpoint. */
export function urlOf({ site, statusPort }: PeerPlace): string {
  return `http://${site.host}:${statusPort}`;
}

/** A peer's status; null while its endpoint does not answer. */
export async function readStatus(place: PeerPlace): Promise<NodeStatus | null> {
  const answer = await askPeer(place, "/status");
  return answer === null ? null : heardStatus(nodeStatusSchema.parse(answer));
}

/** What a peer's endpoint tells at a path; null while it does not answer. */
export async function askPeer(place: PeerPlace, path: string): Promise<unknown> {
  const token = tokenOf(place);
  try {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const signal = AbortSignal.timeout(ANSWER_MS);
    const response = await fetch(urlOf(place) + path, { headers, signal });
    return response.ok ? await response.json() : null;
  } catch {
    // Nothing listens yet, or no longer, or the process was killed in mid-answer.
    return null;
  }
}

// --- internal ---

/** On another host than this it is shown the folder's token. */
function tokenOf({ site, folder }: PeerPlace): string | null {
  return site.host === LOOPBACK.host ? null : tokenIn(dataFolder(folder));
}
