import { decodeEntry } from "../../src/gossip/index.ts";
import { openStore } from "../../src/node/store/store.ts";
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

/** The final blocks that a peer ended with. */
export function chainOf(folder: string, run: Digest): readonly EndedRound[] {
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
export function abortOf(member: Member): readonly string[] {
  const { status, plan } = member;
  if (status?.state === "finished") return [];
  const { exit } = member.process;
  if (exit !== null && exit.signal === null && exit.code !== 0) return [failureOf(member).message];
  return [`peer ${plan.index + 1} stopped in round ${(status?.round ?? 0) + 1}`];
}
