import assert from "node:assert/strict";
import type { Evidence, PeerId, Standing } from "../types.ts";
import { type ReputationConfig, reputationConfigSchema } from "./config.ts";
import { EVIDENCE_WEIGHTS, type EvidenceWeight } from "./evidence-weights.ts";
import { evidenceOf, judgedAgain, NO_OPINION, type OpinionTest } from "./opinion-test.ts";

/** What is remembered of one peer: decayed sums of evidence, and what followed. */
export interface LedgerEntry {
  /** Credit r⁺ for rounds without fault. */
  readonly credit: number;
  /** Faults of conduct, and vetoes: together r⁻. */
  readonly faults: number;
  readonly vetoes: number;
  /** Rounds missed or met late. */
  readonly absence: number;
  /** The newest round heard of; counters are decayed to it. */
  readonly round: number;
  /** Newest round with a fault or a veto, and how many rounds in a row it ends; -1 and 0 before the first. */
  readonly faultRound: number;
  readonly faultStreak: number;
  /** First round after isolation; null when not isolated. */
  readonly isolatedUntil: number | null;
  readonly isolations: number;
  readonly evicted: boolean;
  /** What all vetoes amount to since it was isolated last. */
  readonly opinion: OpinionTest;
}

/** One node's private memory of its peers; bounded, readonly, replaced by `observe` and `advance`. */
export interface Ledger {
  readonly config: ReputationConfig;
  readonly entries: ReadonlyMap<PeerId, LedgerEntry>;
}

const STRANGER: LedgerEntry = {
  credit: 0,
  faults: 0,
  vetoes: 0,
  absence: 0,
  round: 0,
  faultRound: -1,
  faultStreak: 0,
  isolatedUntil: null,
  isolations: 0,
  evicted: false,
  opinion: NO_OPINION,
};

/** A ledger that knows nobody. */
export function emptyLedger(config: Partial<ReputationConfig> = {}): Ledger {
  return { config: reputationConfigSchema.parse(config), entries: new Map() };
}

/**
 * Takes evidence into account, in its order. Beta counters with forgetting (Jøsang and Ismail 2002): everything older
 * fades by `forgetting` per round. A round with a fault earns no credit, and faults in consecutive rounds weigh more
 * and more. Vetoes reduce like faults, but isolate only when they are too many for chance. Proof evicts at once.
 *
 * @returns the new ledger; the given one stays as it was
 */
export function observe(ledger: Ledger, ...evidence: readonly Evidence[]): Ledger {
  const { config } = ledger;
  const entries = new Map(ledger.entries);
  for (const each of evidence) observeOne(entries, each, config);
  return { config, entries };
}

function observeOne(
  entries: Map<PeerId, LedgerEntry>,
  { peer, round, kind }: Evidence,
  config: ReputationConfig,
): void {
  assert.ok(Number.isSafeInteger(round) && round >= 0, "rounds count from 0");
  const known = entries.get(peer);
  const before = fade(known ?? { ...STRANGER, round }, round, config);
  const weighed = weigh(before, round, EVIDENCE_WEIGHTS[kind], config);
  if (known === undefined && entries.size >= config.peersMax && !removeLeast(entries)) return;
  entries.set(peer, isolate(weighed, config));
}

/** Lets time pass for everyone: fades counters to `round` and ends isolations that are over. */
export function advance(ledger: Ledger, round: number): Ledger {
  const entries = new Map<PeerId, LedgerEntry>();
  for (const [peer, entry] of ledger.entries) entries.set(peer, fade(entry, round, ledger.config));
  return { config: ledger.config, entries };
}

/** Score R = (r⁺ + 1) / (r⁺ + r⁻ + absence + 2), in (0, 1); 0.5 for a stranger, 0 for the evicted. */
export function score(ledger: Ledger, peer: PeerId): number {
  const entry = ledger.entries.get(peer) ?? STRANGER;
  return entry.evicted ? 0 : scoreOf(entry);
}

/** What vetoes of a peer amount to, 1 for a stranger, and the bound at which they isolate it; null where they never do. */
export function opinion(
  ledger: Ledger,
  peer: PeerId,
): { readonly evidence: number; readonly bound: number | null } {
  const { evidence, bound } = opinionBound(ledger.entries.get(peer) ?? STRANGER, ledger.config);
  return { evidence, bound: Number.isFinite(bound) ? bound : null };
}

/** What follows from the evidence so far. */
export function standing(ledger: Ledger, peer: PeerId): Standing {
  const entry = ledger.entries.get(peer) ?? STRANGER;
  if (entry.evicted) return "evicted";
  if (entry.isolatedUntil !== null) return "isolated";
  return scoreOf(entry) >= ledger.config.fullScoreMin ? "full" : "reduced";
}

/** Factor in [0, 1] on the peer's share: min(1, 2R), and 0 when isolated or evicted. Attenuates, never amplifies. */
export function shareFactor(ledger: Ledger, peer: PeerId): number {
  const current = standing(ledger, peer);
  if (current === "isolated" || current === "evicted") return 0;
  return Math.min(1, 2 * score(ledger, peer));
}

function scoreOf(entry: LedgerEntry): number {
  return (entry.credit + 1) / (entry.credit + entry.faults + entry.vetoes + entry.absence + 2);
}

/** Rounds after which nothing that matters is left of a counter, and the loop below may stop. */
const FADED_ROUNDS = 1000;

function fade(entry: LedgerEntry, round: number, config: ReputationConfig): LedgerEntry {
  if (round <= entry.round) return entry;
  let left = 1;
  // A product of equal factors instead of a power: exact in the same way on every machine.
  const rounds = Math.min(round - entry.round, FADED_ROUNDS);
  for (let i = 0; i < rounds; i += 1) left *= config.forgetting;
  const over = entry.isolatedUntil !== null && round >= entry.isolatedUntil;
  return {
    ...entry,
    credit: entry.credit * left,
    faults: entry.faults * left,
    vetoes: entry.vetoes * left,
    absence: entry.absence * left,
    round,
    isolatedUntil: over ? null : entry.isolatedUntil,
  };
}

function weigh(
  entry: LedgerEntry,
  round: number,
  { counts, weight }: EvidenceWeight,
  config: ReputationConfig,
): LedgerEntry {
  switch (counts) {
    case "credit":
      if (round === entry.faultRound) return entry;
      return {
        ...entry,
        credit: entry.credit + weight,
        opinion: judgedAgain(entry.opinion, false, config.honestVetoRate),
      };
    case "absence":
      return { ...entry, absence: Math.min(config.absenceMax, entry.absence + weight) };
    case "proof":
      return { ...entry, faults: entry.faults + weight, evicted: true };
    case "conduct": {
      const next = inRow(entry, round);
      return { ...next, faults: entry.faults + weight * weightInRow(next, config) };
    }
    case "opinion": {
      const next = inRow(entry, round);
      return {
        ...next,
        vetoes: entry.vetoes + weight * weightInRow(next, config),
        opinion: judgedAgain(entry.opinion, true, config.honestVetoRate),
      };
    }
  }
}

/** With one more round in a row that ends with a fault or a veto. */
function inRow(entry: LedgerEntry, round: number): LedgerEntry {
  let streak = entry.faultStreak;
  if (round === entry.faultRound + 1) streak += 1;
  else if (round > entry.faultRound) streak = 1;
  return { ...entry, faultRound: Math.max(round, entry.faultRound), faultStreak: streak };
}

function weightInRow({ faultStreak }: LedgerEntry, { streakMax }: ReputationConfig): number {
  return Math.min(faultStreak, streakMax);
}

/** Isolates on conduct, when enough is known, or on vetoes that are too many for chance. */
function isolate(entry: LedgerEntry, config: ReputationConfig): LedgerEntry {
  if (entry.evicted || entry.isolatedUntil !== null) return entry;
  if (!(isBadConduct(entry, config) || opinionBound(entry, config).isReached)) return entry;
  return {
    ...entry,
    isolatedUntil: entry.round + 1 + config.isolationRounds * doubled(entry.isolations),
    isolations: entry.isolations + 1,
    opinion: NO_OPINION,
  };
}

function isBadConduct({ credit, faults }: LedgerEntry, config: ReputationConfig): boolean {
  const evidence = credit + faults + 2;
  const certain = 2 / evidence < config.isolationUncertaintyMax;
  return certain && (credit + 1) / evidence < config.isolationScoreMax;
}

/** A half of the error is for the first isolation, a quarter for the second, and so on: together no more than the whole. */
function opinionBound({ opinion, isolations }: LedgerEntry, config: ReputationConfig) {
  const bound = (2 * doubled(isolations)) / config.opinionErrorMax;
  const evidence = evidenceOf(opinion);
  return { evidence, bound, isReached: evidence >= bound };
}

/** 2 to the power of a count, within what a number of rounds may be. */
function doubled(times: number): number {
  let factor = 1;
  for (let i = 0; i < Math.min(times, 20); i += 1) factor *= 2;
  return factor;
}

/**
 * Bounded memory: the entry with the least evidence that binds nobody makes room; those isolated or evicted stay.
 *
 * @returns whether one did
 */
function removeLeast(entries: Map<PeerId, LedgerEntry>): boolean {
  let least: PeerId | null = null;
  let leastEvidence = Number.POSITIVE_INFINITY;
  for (const [candidate, { credit, faults, vetoes, absence, isolatedUntil, evicted }] of entries) {
    const evidence = credit + faults + vetoes + absence;
    if (evicted || isolatedUntil !== null || evidence >= leastEvidence) continue;
    least = candidate;
    leastEvidence = evidence;
  }
  return least !== null && entries.delete(least);
}
