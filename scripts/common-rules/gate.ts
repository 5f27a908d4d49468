import { judgeGate } from "../../src/reputation/index.ts";

/** The loss of one honest member at the state of the round, after an update if one is given. */
export type Judge = (update?: Float32Array) => number;

/**
 * The updates that more than half of the members call harmful, at most f of them, the most votes first. The liars,
 * which come first, call every honest update harmful; nobody judges itself.
 */
export function outvoted(
  updates: readonly Float32Array[],
  judges: readonly Judge[],
  faults: number,
  liars: number,
): readonly number[] {
  const verdicts = judges.map((judge) => harmful(updates, judge, faults));
  const votes = updates.map((_, i) => {
    const honest = verdicts.filter(
      (verdict, judge) => verdict.has(i) && judge + liars !== i,
    ).length;
    return i < liars ? honest : honest + liars;
  });
  return updates
    .map((_, i) => i)
    .filter((i) => 2 * (votes[i] ?? 0) > liars + judges.length)
    .sort((a, b) => (votes[b] ?? 0) - (votes[a] ?? 0) || a - b)
    .slice(0, faults);
}

/** Whether most judges let an update pass that stands alone beside the honest ones. */
export function passes(
  update: Float32Array,
  honest: readonly Float32Array[],
  judges: readonly Judge[],
  faults: number,
): boolean {
  const against = judges.filter((judge) => harmful([update, ...honest], judge, faults).has(0));
  return 2 * against.length <= judges.length;
}

// --- internal ---

/** What one member's private gate says of whole steps. */
function harmful(
  updates: readonly Float32Array[],
  judge: Judge,
  vetoesMax: number,
): ReadonlySet<number> {
  const peers = updates.map((_, i) => String(i).padStart(3, "0"));
  const stepped = updates.map((update) => judge(update));
  return new Set(judgeGate({ base: judge(), stepped, peers, vetoesMax }).vetoed.map(Number));
}
