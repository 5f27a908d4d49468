/**
 * What a node's own opinions of a peer amount to: how much somebody who bets that its updates are vetoed more often than
 * an honest peer's would own by now, having begun with 1. An e-process (Ramdas et al. 2023, "Game-theoretic statistics
 * and safe anytime-valid inference"): of a peer whose updates are vetoed with probability `honestVetoRate` at most,
 * whatever came before, it ever reaches x with probability 1 / x at most (Ville 1939).
 */
export interface OpinionTest {
  /** Rounds in which its update was judged. */
  readonly judged: number;
  /** Capital at work, by {@link VETO_RATES}. */
  readonly capital: readonly number[];
}

/** How often those are vetoed who are bet on: now and then, or nearly always. */
export const VETO_RATES = [0.5, 0.95] as const;
/** Enough for every threshold, and bounded: capping what one owns leaves the bound as it is. */
export const CAPITAL_MAX = 1e12;

/** Before the first opinion. */
export const NO_OPINION: OpinionTest = { judged: 0, capital: VETO_RATES.map(() => 0) };

/**
 * The test after one more round. A part 1 / (s (s + 1)) of the first capital is put to work in the s-th judged round, so
 * that a peer which turns bad late is found as well: good conduct does not use up what was not at work yet.
 *
 * @param isVetoed - whether the peer's update was vetoed in that round
 * @param honestVetoRate - most of an honest peer's updates that are, in (0, 0.5)
 */
export function judgedAgain(
  { judged, capital }: OpinionTest,
  isVetoed: boolean,
  honestVetoRate: number,
): OpinionTest {
  const round = judged + 1;
  const put = 1 / (round * (round + 1));
  return {
    judged: round,
    capital: VETO_RATES.map((rate, i) => {
      const gain = isVetoed ? rate / honestVetoRate : (1 - rate) / (1 - honestVetoRate);
      return Math.min(CAPITAL_MAX, ((capital[i] ?? 0) + put) * gain);
    }),
  };
}

/** What the bets own, the capital that is not at work yet included: evidence against the peer, 1 where there is none. */
export function evidenceOf({ judged, capital }: OpinionTest): number {
  const working = capital.reduce((sum, each) => sum + each, 0) / capital.length;
  return working + 1 / (judged + 1);
}
