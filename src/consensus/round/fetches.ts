import type { PeerId, Reason, Timestamp } from "../../types.ts";
import { changed } from "./ascending.ts";
import type { Wait } from "./patience.ts";
import { PeerTable } from "./peer-table.ts";

/** How the fetch of one payload ended, or that it has not. */
export type FetchOutcome =
  | { readonly result: "pending" }
  | { readonly result: "fetched"; readonly at: Timestamp }
  | { readonly result: "failed"; readonly reason: Reason };

export type FetchState = FetchOutcome & { readonly wait: Wait };

/** What is counted over the fetches of a round. */
export interface FetchTally {
  /** When payloads arrived, ascending. */
  readonly fetchedAt: readonly Timestamp[];
  /** Fetches that are waited for. */
  readonly pending: number;
  /** Those of them that are owed the whole grace. */
  readonly owedGrace: number;
}

export type FetchTable = PeerTable<FetchState, FetchTally>;

export function fetchTable(entries: Iterable<readonly [PeerId, FetchState]>): FetchTable {
  return PeerTable.of(entries, { fetchedAt: [], pending: 0, owedGrace: 0 }, count);
}

/** Whether the fetch has not ended and is waited for. */
export function isPending({ result, wait }: FetchState): boolean {
  return result === "pending" && wait !== "none";
}

// --- internal ---

function count(tally: FetchTally, fetch: FetchState, by: 1 | -1): FetchTally {
  const { fetchedAt, pending, owedGrace } = tally;
  const isAwaited = isPending(fetch);
  return {
    fetchedAt: fetch.result === "fetched" ? changed(fetchedAt, fetch.at, by) : fetchedAt,
    pending: isAwaited ? pending + by : pending,
    owedGrace: isAwaited && fetch.wait === "grace" ? owedGrace + by : owedGrace,
  };
}
