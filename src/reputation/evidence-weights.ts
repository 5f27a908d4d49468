import type { EvidenceKind } from "../types.ts";

/**
 * What a kind of evidence says: to a peer's credit, about its conduct, about its absence, this node's opinion of what it
 * sends, or proof for everyone.
 */
export interface EvidenceWeight {
  readonly counts: "credit" | "conduct" | "opinion" | "absence" | "proof";
  readonly weight: number;
}

/** One row for each kind of evidence. */
export const EVIDENCE_WEIGHTS: Readonly<Record<EvidenceKind, EvidenceWeight>> = {
  // Small, so that credit saturates at 0.4 / (1 - 0.95) = 8: patience must not buy a long attack.
  timely: { counts: "credit", weight: 0.4 },
  // Its update was in vain, but it did the work: half of an absence.
  late: { counts: "absence", weight: 0.25 },
  // Machines and lines fail; 0.5 takes a newcomer to 0.4 and a known peer nowhere near.
  missing: { counts: "absence", weight: 0.5 },
  // Its own digest commits it to bytes that no honest node produces; a version slip is the only excuse.
  malformed: { counts: "conduct", weight: 4 },
  // Served other bytes than it announced over an authenticated stream; a broken disk is a possible excuse.
  "digest-mismatch": { counts: "conduct", weight: 3 },
  // Diverged training can produce it once, and an honest node stops there.
  "non-finite": { counts: "conduct", weight: 4 },
  // Formed on private data: honest peers with unusual data earn one now and then.
  "gate-veto": { counts: "opinion", weight: 1.5 },
  // A peer with nothing left to learn looks like one that does not try: no proof, and one in a round at most with a veto.
  unlearnt: { counts: "opinion", weight: 1.5 },
  // Signed announcements out of order; a lost disk together with a clock set back is the only excuse.
  contradiction: { counts: "conduct", weight: 3 },
  // Many times what a round needs; a node that is restarted again and again comes nowhere near.
  flood: { counts: "conduct", weight: 2 },
  // Two signed announcements for one round: anyone can verify it, nothing excuses it.
  equivocation: { counts: "proof", weight: 10 },
};
