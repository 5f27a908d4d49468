import { z } from "zod";
import { numberText } from "../../src/node/view/quantities.ts";
import type { PeerReport, TestnetReport } from "../report/report-shape.ts";
import { type Fault, peersOf } from "./faults.ts";

/** What a run must come to. */
export const expectField = z.strictObject({
  finished: z.literal(true).optional().describe("Every honest peer came to the end."),
  certified: z.int().min(1).max(10_000).optional().describe("Least rounds with a certificate."),
  loss: z.number().positive().max(100).optional().describe("Greatest loss on the common test set."),
  oneDigest: z.literal(true).optional().describe("Honest peers ended with the same adapter."),
  honestTrusted: z.literal(true).optional().describe("No honest peer is isolated or evicted."),
  attackersShut: z.literal(true).optional().describe("Every attacker is isolated or evicted."),
  seconds: z.number().positive().max(604_800).optional().describe("Longest time to the end."),
});

export type Expect = Readonly<z.output<typeof expectField>>;

/** Something that was expected of a run, and what there was. */
export interface Expectation {
  readonly what: string;
  readonly isMet: boolean;
  readonly found: string;
}

type Judged = Pick<
  TestnetReport,
  "peers" | "agreed" | "digests" | "certificates" | "federated" | "seconds"
> & { readonly missed: readonly Fault[] };

/** Compares what came of a run with what was expected of it: also that every fault came. Pure. */
export function judgeRun(expect: Expect, run: Judged): readonly Expectation[] {
  const honest = run.peers.filter(({ role }) => role === "honest");
  const attackers = run.peers.filter(({ role }) => role !== "honest");
  const late = honest.filter(({ loss }) => loss === null);
  const shunned = honest.filter(isShut);
  const free = attackers.filter((peer) => !isShut(peer));
  const certified = run.certificates?.rounds ?? 0;
  const loss = run.federated?.loss ?? Number.NaN;
  const judged: Readonly<Record<keyof Expect, Expectation>> = {
    finished: {
      what: "every honest peer came to the end",
      isMet: honest.length > 0 && late.length === 0,
      found: listed(late, "did not", "all"),
    },
    certified: {
      what: `at least ${expect.certified} rounds certified`,
      isMet: certified >= (expect.certified ?? 0),
      found: run.certificates === null ? "mode gossip certifies none" : `${certified}`,
    },
    loss: {
      what: `loss at most ${expect.loss}`,
      isMet: loss <= (expect.loss ?? 0),
      found: numberText(run.federated?.loss),
    },
    oneDigest: {
      what: "honest peers ended with the same adapter",
      isMet: run.agreed,
      found: `${new Set(honest.map(({ id }) => run.digests[id] ?? id)).size} different`,
    },
    honestTrusted: {
      what: "no honest peer is isolated or evicted",
      isMet: honest.length > 0 && shunned.length === 0,
      found: listed(shunned, "is", "none"),
    },
    attackersShut: {
      what: "every attacker is isolated or evicted",
      isMet: attackers.length > 0 && free.length === 0,
      found: attackers.length === 0 ? "there is no attacker" : listed(free, "is not", "all"),
    },
    seconds: {
      what: `at most ${expect.seconds} s`,
      isMet: run.seconds <= (expect.seconds ?? 0),
      found: `${Math.round(run.seconds)} s`,
    },
  };
  const asked = Object.entries(judged) as [keyof Expect, Expectation][];
  const met = asked.filter(([name]) => expect[name] !== undefined).map(([, one]) => one);
  return [...met, ...run.missed.map(missed)];
}

// --- internal ---

function isShut({ standing }: PeerReport): boolean {
  return standing === "isolated" || standing === "evicted";
}

/** The run was over before. */
function missed(one: Fault): Expectation {
  const at = one.round === undefined ? `after ${one.second} s` : `in round ${one.round}`;
  const what = `${one.do} of peer ${peersOf(one).join(", ")} ${at}`;
  return { what, isMet: false, found: "the run was over before" };
}

/** `peer 2, 5 did not`, or that there is none. */
function listed(peers: readonly PeerReport[], what: string, none: string): string {
  if (peers.length === 0) return none;
  return `peer ${peers.map(({ index }) => index + 1).join(", ")} ${what}`;
}
