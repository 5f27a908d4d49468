import type { RoundRecord } from "../../src/node/records/records.ts";
import type { AttackName } from "../../testnet/attacks/catalogue.ts";
import type { Scenario } from "../../testnet/simulation/scenario.ts";
import type { SimulatedPeer } from "../../testnet/simulation/simulated-peer.ts";
import { Simulation } from "../../testnet/simulation/simulation.ts";

/** The network that attacks are tried on; the last peers are the attackers. */
export type Trial = Pick<Scenario, "mode" | "peers" | "rounds" | "seed" | "trainMs"> & {
  readonly attackers: number;
};

/** What the honest peers of one simulated run made of the attackers. A pair is an honest peer with an attacker. */
export interface TrialOutcome {
  /** Pairs in all, and those with any evidence, with proof, and evicted at the end. */
  readonly pairs: number;
  readonly noticed: number;
  readonly proven: number;
  readonly evicted: number;
  /** Rounds that the last honest peer to have proof had ended by then; null where a pair has none. */
  readonly roundsToProof: number | null;
  /** Rounds from each peer's proof to the last that it mixed an update of the attacker's in, at worst; 0: that or none. */
  readonly roundsMixedAfter: number | null;
  /** Honest pairs with a proof or an isolation: nobody may be framed. */
  readonly framed: number;
  /** Honest peers that came to the end, and how many there are. */
  readonly finished: number;
  readonly honest: number;
  /** Why honest peers' doors and judges refused what came, each reason once. */
  readonly refused: readonly string[];
  /** Virtual milliseconds until the last honest peer had ended. */
  readonly took: number;
}

/** Virtual time after which a run that does not come to an end is given up: a day. */
const UNTIL_MS = 24 * 3_600_000;

/** Runs it once, with attackers or with the same peers honest. */
export async function tried(trial: Trial, attack: AttackName | null): Promise<TrialOutcome> {
  const { attackers, ...network } = trial;
  const places = Array.from({ length: attackers }, (_, i) => trial.peers - 1 - i);
  const attacks = attack && Object.fromEntries(places.map((place) => [place, attack]));
  const scenario = { ...network, untilMs: UNTIL_MS, ...(attacks && { attacks }) };
  const simulation = new Simulation(scenario);
  await simulation.run();
  return outcomeOf(simulation);
}

// --- internal ---

/** What one peer knows of another. */
interface View {
  readonly noticed: boolean;
  readonly provenAfter: number | null;
  readonly mixedAfter: number;
  readonly standing: string | null;
}

function outcomeOf({ peers, watched }: Simulation): TrialOutcome {
  const pairs = (isHonest: boolean) =>
    watched.flatMap((peer) =>
      peers
        .filter((other) => other !== peer && other.isHonest === isHonest)
        .map((other) => viewOf(peer, other)),
    );
  const views = pairs(false);
  const proofs = views.flatMap(({ provenAfter }) => provenAfter ?? []);
  const isProven = views.length > 0 && proofs.length === views.length;
  const accused = ({ provenAfter, standing }: View) =>
    provenAfter !== null || standing === "isolated" || standing === "evicted";
  return {
    pairs: views.length,
    noticed: views.filter(({ noticed }) => noticed).length,
    proven: proofs.length,
    evicted: views.filter(({ standing }) => standing === "evicted").length,
    roundsToProof: isProven ? Math.max(...proofs) : null,
    roundsMixedAfter: isProven ? Math.max(...views.map(({ mixedAfter }) => mixedAfter)) : null,
    framed: pairs(true).filter(accused).length,
    finished: watched.filter(({ finishedAt }) => finishedAt !== null).length,
    honest: watched.length,
    refused: [...new Set(watched.flatMap(refusalsOf))].sort(),
    took: Math.max(...watched.map(({ finishedAt }) => finishedAt ?? UNTIL_MS)),
  };
}

function refusalsOf({ node }: SimulatedPeer): readonly string[] {
  return Object.keys(node?.status().refusals ?? {});
}

function viewOf(peer: SimulatedPeer, other: SimulatedPeer): View {
  const against = peer.evidence.filter((each) => each.peer === other.id);
  const proof = against.find(({ kind }) => kind === "equivocation");
  // a final block may carry the proof to who has not seen it
  const block = peer.rounds.find(({ agreed }) => agreed?.evicted?.includes(other.id));
  const proofs = [proof?.at, block?.endedAt].filter((at) => at !== undefined);
  const at = proofs.length > 0 ? Math.min(...proofs) : null;
  const provenAfter = at && peer.rounds.filter(({ endedAt }) => endedAt <= at).length;
  const isIn = ({ mixed }: RoundRecord) => mixed.some((each) => each.peer === other.id);
  const mixedLast = peer.rounds.findLastIndex(isIn);
  const status = peer.node?.status().peers.find((each) => each.peer === other.id);
  return {
    noticed: against.length > 0 || block !== undefined,
    provenAfter,
    mixedAfter: provenAfter === null ? 0 : Math.max(0, mixedLast + 1 - provenAfter),
    standing: block === undefined ? (status?.standing ?? null) : "evicted",
  };
}
