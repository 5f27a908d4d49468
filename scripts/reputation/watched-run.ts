import { mean } from "../../src/node/view/quantities.ts";
import {
  EVIDENCE_WEIGHTS,
  fromJson,
  type Ledger,
  score,
  standing,
} from "../../src/reputation/index.ts";
import type { EvidenceKind } from "../../src/types.ts";
import type { AttackName } from "../../testnet/attacks/catalogue.ts";
import type { SimulatedPeer } from "../../testnet/simulation/simulated-peer.ts";
import { Simulation } from "../../testnet/simulation/simulation.ts";

/** How unlike the data of peers are: distances of their own optima from the common one. */
export const SPLITS: Readonly<Record<string, number | readonly number[]>> = {
  alike: 0.2,
  unlike: 1,
  /** One of ten is a stranger to all others. */
  stranger: [2, ...Array.from({ length: 9 }, () => 0.5)],
};

export interface RunOptions {
  readonly seed: number;
  readonly split: string;
  readonly peers: number;
  readonly rounds: number;
  /** What the last peers do. */
  readonly attack: AttackName | null;
  readonly attackers: number;
  /** Rounds after which the ledgers are looked at, from 1. */
  readonly looks: readonly number[];
}

/** What one honest peer's ledger said of another honest one when it shut it out. */
export interface FalseIsolation {
  readonly seed: number;
  readonly judge: number;
  readonly peer: number;
  readonly round: number;
  /** Faults of conduct that it had noted, by kind; none: by opinion alone. */
  readonly conduct: readonly string[];
}

/** Updates that were judged from the second round on, and those that were found harmful or not learnt. */
export interface Tally {
  readonly judged: number;
  readonly against: number;
}

export interface WatchedRun {
  /** Of each look: how often an attacker's score is below an honest peer's, over all honest judges; null without attackers. */
  readonly areas: readonly (number | null)[];
  /** Of each look: share of (honest judge, attacker) with standing isolated or evicted. */
  readonly shutOut: readonly number[];
  readonly falseIsolations: readonly FalseIsolation[];
  /** Rounds, from 1, until every honest peer had noted a fault of conduct of every attacker, and had shut all of them out. */
  readonly knownIn: number | null;
  readonly outIn: number | null;
  /** What honest peers thought of updates of honest ones, and of attackers'. */
  readonly ofHonest: Tally;
  readonly ofAttackers: Tally;
  readonly virtualSeconds: number;
}

/** A run of real nodes in virtual time, judged by the real gate; what the honest peers' ledgers say of all others. */
export async function watchedRun(options: RunOptions): Promise<WatchedRun> {
  const { seed, peers, rounds, attack, attackers, looks } = options;
  const firstAttacker = peers - (attack === null ? 0 : attackers);
  const all = Array.from({ length: peers }, (_, index) => index);
  const [honest, bad] = [all.slice(0, firstAttacker), all.slice(firstAttacker)];
  const books: Books = new Books(looks, () => simulation.peers);
  const simulation = new Simulation({
    ...{ seed, peers, rounds, dimensions: DIMENSIONS },
    heterogeneity: SPLITS[options.split] ?? 0,
    attacks: attack === null ? {} : Object.fromEntries(bad.map((index) => [index, attack])),
    onCommit: (judge, round, { ledger }) => {
      if (judge < firstAttacker) books.note(judge, round, fromJson(ledger).ledger);
    },
  });
  await simulation.run();
  const watched = simulation.peers.slice(0, firstAttacker);
  const [good, evil] = [honest, bad].map((of) => of.map((index) => simulation.peers[index]?.id));
  return {
    ...books.against(honest, bad),
    knownIn: lastOf(watched.flatMap((judge) => evil?.map((peer) => firstFault(judge, peer)) ?? [])),
    falseIsolations: books.isolationsOf(honest).map((each) => ({ ...each, seed })),
    ofHonest: tallyOf(watched, good ?? []),
    ofAttackers: tallyOf(watched, evil ?? []),
    virtualSeconds: Math.max(...watched.map(({ finishedAt }) => finishedAt ?? Number.NaN)) / 1000,
  };
}

// --- internal ---

/** What the ledgers of some peers said in the course of a run. */
class Books {
  readonly #looks: readonly number[];
  readonly #peers: () => readonly SimulatedPeer[];
  /** Of each look, the newest ledger of each judge until then: a peer may leave rounds out. */
  readonly #seen: readonly Map<number, Ledger>[];
  readonly #out = new Map<string, Omit<FalseIsolation, "seed">>();

  constructor(looks: readonly number[], peers: () => readonly SimulatedPeer[]) {
    this.#looks = looks;
    this.#peers = peers;
    this.#seen = looks.map(() => new Map());
  }

  /** What a judge keeps at the end of a round. */
  note(judge: number, round: number, ledger: Ledger): void {
    for (const [look, at] of this.#looks.entries()) {
      if (round < at) this.#seen[look]?.set(judge, ledger);
    }
    for (const { index: peer, id } of this.#peers()) {
      if (peer === judge || !isOut(ledger, id) || this.#out.has(`${judge} ${peer}`)) continue;
      const evidence = this.#peers()[judge]?.evidence ?? [];
      const faults = evidence.filter((each) => each.peer === id && !isOpinion(each.kind));
      const conduct = [...new Set(faults.map(({ kind }) => kind))];
      this.#out.set(`${judge} ${peer}`, { judge, peer, round: round + 1, conduct });
    }
  }

  against(honest: readonly number[], bad: readonly number[]) {
    const outs = honest.flatMap((judge) =>
      bad.map((peer) => this.#out.get(`${judge} ${peer}`)?.round),
    );
    return {
      areas: this.#seen.map((ledgers) => mean(this.#wins(ledgers, honest, bad))),
      shutOut: this.#seen.map((ledgers) => this.#shareOut(ledgers, bad)),
      outIn: lastOf(outs),
    };
  }

  isolationsOf(peers: readonly number[]): readonly Omit<FalseIsolation, "seed">[] {
    return [...this.#out.values()].filter(({ peer }) => peers.includes(peer));
  }

  /** Of each judge, attacker and other honest peer, whether the attacker has the lower score; a half where both are equal. */
  #wins(
    ledgers: ReadonlyMap<number, Ledger>,
    honest: readonly number[],
    bad: readonly number[],
  ): readonly number[] {
    return [...ledgers].flatMap(([judge, ledger]) => {
      const scoreOf = (index: number) => score(ledger, this.#peers()[index]?.id ?? "");
      const good = honest.filter((index) => index !== judge).map(scoreOf);
      return bad.map(scoreOf).flatMap((own) => good.map((other) => winOf(own, other)));
    });
  }

  #shareOut(ledgers: ReadonlyMap<number, Ledger>, bad: readonly number[]): number {
    const outs = [...ledgers.values()].flatMap((ledger) =>
      bad.map((index) => (isOut(ledger, this.#peers()[index]?.id ?? "") ? 1 : 0)),
    );
    return mean(outs) ?? 0;
  }
}

function winOf(own: number, other: number): number {
  if (own === other) return 0.5;
  return own < other ? 1 : 0;
}

function isOut(ledger: Ledger, id: string): boolean {
  return ["isolated", "evicted"].includes(standing(ledger, id));
}

/** As many values of a state that what has nothing to do with one another is at right angles. */
const DIMENSIONS = 256;

function isOpinion(kind: EvidenceKind): boolean {
  return EVIDENCE_WEIGHTS[kind].counts === "opinion";
}

function tallyOf(judges: readonly SimulatedPeer[], peers: readonly (string | undefined)[]): Tally {
  let [judged, against] = [0, 0];
  for (const { id, rounds, evidence } of judges) {
    const others = peers.filter((peer) => peer !== id);
    for (const { round, mixed, refused } of rounds) {
      const seen = [...mixed, ...refused.filter(isVeto)].map(({ peer }) => peer);
      if (round > 0) judged += seen.filter((peer) => others.includes(peer)).length;
    }
    against += evidence.filter(
      ({ peer, round, kind }) => round > 0 && isOpinion(kind) && others.includes(peer),
    ).length;
  }
  return { judged, against };
}

function isVeto({ reason }: { readonly reason: string }): boolean {
  return reason === "gate-veto";
}

/** The round, from 1, of the first fault of conduct that a judge noted of a peer; opinions and absence are none. */
function firstFault({ evidence }: SimulatedPeer, peer: string | undefined): number | undefined {
  const faults = evidence.filter((each) => {
    const { counts } = EVIDENCE_WEIGHTS[each.kind];
    return each.peer === peer && (counts === "conduct" || counts === "proof");
  });
  return faults[0] && faults[0].round + 1;
}

/** The last of some rounds; null where one never was, or there is none. */
function lastOf(rounds: readonly (number | undefined)[]): number | null {
  const known = rounds.filter((round) => round !== undefined);
  return known.length < rounds.length || rounds.length === 0 ? null : Math.max(...known);
}
