import { decodeEntry } from "../../src/gossip/index.ts";
import { openStore } from "../../src/node/store/store.ts";
import { mean, sum } from "../../src/node/view/quantities.ts";
import type { Digest } from "../../src/types.ts";
import { failureOf, type Member } from "../../testnet/processes/fleet.ts";
import { dataFolder } from "../../testnet/processes/peer-config.ts";

const CHAIN_MAX = 100_000;

/** A final block: its digest, the places of the authors that count, and the state after it. */
export interface EndedRound {
  readonly block: Digest;
  readonly cut: readonly number[];
  readonly checkpoint: Digest;
}

/** Finished and measured, or gone. */
export function isOver({ status, process: peer }: Member): boolean {
  if (peer.exit !== null) return true;
  return status?.state === "finished" && status.evaluation !== null;
}

/** What the peers of a run ended with. */
export function endOf(members: readonly Member[]) {
  const run = members.find(({ status }) => status !== null)?.status?.run ?? "";
  const chains = members.map(({ plan }) => chainOf(plan.folder, run));
  const longest = chains.toSorted((a, b) => b.length - a.length)[0] ?? [];
  return {
    run,
    chains,
    longest,
    certified: longest.length,
    aborted: members.flatMap(abortOf),
    /** Different adapters. */
    digests: new Set(members.map(({ status }) => status?.adapter)).size,
    /** Updates that the blocks count. */
    counted: sum(longest.map(({ cut }) => cut.length)),
    /** Mean on the common test set; null where nobody measured it. */
    loss: mean(members.flatMap(({ status }) => status?.evaluation?.loss ?? [])),
  };
}

// --- internal ---

/** The final blocks that a peer ended with. */
function chainOf(folder: string, run: Digest): readonly EndedRound[] {
  const store = openStore(dataFolder(folder));
  try {
    return store.chain(run, 0, CHAIN_MAX).flatMap((bytes) => {
      const entry = decodeEntry(bytes);
      if (entry === null) return [];
      const { cut, checkpoint } = entry.block;
      return [{ block: entry.digest, cut, checkpoint }];
    });
  } finally {
    store.close();
  }
}

/** Why a peer did not come to the end, if so. */
function abortOf(member: Member): readonly string[] {
  const { status, plan } = member;
  if (status?.state === "finished") return [];
  const { exit } = member.process;
  if (exit !== null && exit.signal === null && exit.code !== 0) return [failureOf(member).message];
  return [`peer ${plan.index + 1} stopped in round ${(status?.round ?? 0) + 1}`];
}
