import type { Attack } from "./attack.ts";
import { valueOfUpdate } from "./sending.ts";
import { meanOf, medianNorm } from "./statistics.ts";

/** Times the median honest length: the most that an honest node sends, and a codec's rounding keeps it bearable. */
const LENGTH = 4;

/** Attacks on codecs that tell signs: the worst that such a vector can say. */
export const FULL_SCALE_ATTACKS = {
  /**
   * What signSGD's majority vote is proved against (Bernstein et al., ICLR 2019, arXiv 1810.05291), with a scale that
   * is as large as others bear.
   */
  "full-scale-sign": valueOfUpdate(
    "every sign against the mean of honest updates, at the largest scale that is read",
    ({ honest }) => {
      const mean = meanOf(honest);
      const scale = (LENGTH * medianNorm(honest)) / Math.sqrt(mean.length);
      return mean.map((each) => (each >= 0 ? -scale : scale));
    },
  ),
} as const satisfies Record<string, Attack>;
