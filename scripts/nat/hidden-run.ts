import { mkdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { prepareData } from "../../testnet/data/run-data.ts";
import type { TestnetOptions } from "../../testnet/options.ts";
import {
  launchFleet,
  type Member,
  POLL_MS,
  pollFleet,
  stopFleet,
} from "../../testnet/processes/fleet.ts";
import { createIdentities } from "../../testnet/processes/peer-config.ts";
import { endOf, isOver } from "../hospital/ended.ts";
import { type Line, NatLab } from "./nat-lab.ts";

/** What came of a run in which some members are behind routers. */
export interface HiddenRun {
  readonly certified: number;
  readonly aborted: readonly string[];
  /** Different adapters at the end: 1 is right in mode agreed. */
  readonly digests: number;
  /** Updates that counted in all rounds, of those that were made; 0 in mode gossip. */
  readonly counted: number;
  readonly made: number;
  /** Of the hidden peers alone. */
  readonly countedHidden: number;
  /** Pairs of hidden peers that were ever connected with one another. */
  readonly hiddenPairsMet: number;
  /** Rounds in which hidden peers mixed something, of mode gossip as well. */
  readonly mixedRounds: readonly number[];
  /** Mean on the common test set. */
  readonly loss: number | null;
  readonly seconds: number;
}

/** Runs real peers, of which the last so many are behind routers, to the end. */
export async function runHidden(
  options: TestnetOptions & { readonly folder: string },
  { hidden, ...line }: Line & { readonly hidden: number },
  say: (text: string) => void,
): Promise<HiddenRun> {
  mkdirSync(options.folder, { recursive: true });
  const open = options.peers - hidden;
  const lab = new NatLab({ open, hidden }, line);
  try {
    const data = await prepareData(options, options.folder);
    const ids = await createIdentities(data.peers);
    const siteOf = (index: number) => lab.sites[index] as NatLab["sites"][number];
    const { signal } = new AbortController();
    const members = await launchFleet(options, data, ids, signal, { siteOf });
    const startedAt = Date.now();
    const met = new Set<string>();
    try {
      const deadline = startedAt + options.timeLimitSeconds * 1000;
      let round = -1;
      while (!members.every(isOver) && Date.now() < deadline) {
        await pollFleet(members);
        for (const pair of pairsIn(members.slice(open))) met.add(pair);
        const now = Math.max(...members.map(({ status }) => status?.round ?? 0));
        if (now > round) say(`round ${now + 1}`);
        round = now;
        await delay(POLL_MS);
      }
    } finally {
      await stopFleet(members);
    }
    const seconds = Math.round((Date.now() - startedAt) / 100) / 10;
    return { ...outcomeOf(members, open), hiddenPairsMet: met.size, seconds };
  } finally {
    lab.remove();
  }
}

// --- internal ---

/** Pairs of these that are connected now. */
function pairsIn(members: readonly Member[]): readonly string[] {
  const ids = members.map(({ plan }) => plan.id);
  return members.flatMap(({ plan, status }) =>
    (status?.peers ?? [])
      .filter(({ peer, connected }) => connected && ids.includes(peer))
      .map(({ peer }) => [peer, plan.id].sort().join(" ")),
  );
}

function outcomeOf(members: readonly Member[], open: number) {
  const { longest, certified, aborted, digests, counted, loss } = endOf(members);
  const roster = members.map(({ plan }) => plan.id).sort();
  const hidden = new Set(members.slice(open).map(({ plan }) => roster.indexOf(plan.id)));
  return {
    ...{ certified, aborted, digests, counted, loss },
    made: longest.length * members.length,
    countedHidden: longest.flatMap(({ cut }) => cut).filter((place) => hidden.has(place)).length,
    mixedRounds: members.slice(open).map(({ status }) => status?.mixedRounds ?? 0),
  };
}
