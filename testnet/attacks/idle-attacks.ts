import type { Random } from "../../src/random.ts";
import { normal } from "../random.ts";
import type { Attack } from "./attack.ts";
import { type AttackContext, value } from "./sending.ts";
import { meanOf, norm, plus, type Row } from "./statistics.ts";

/** Of the noise, in lengths of what it is added to. */
const NOISE = 1;

/** Free riders and plagiarists beyond `free-rider`: as long as an honest update, and nothing of their own learnt. */
export const IDLE_ATTACKS = {
  "noisy-free-rider": idle("noise as long as an honest update", ({ before }, random) =>
    noiseLike(before, random),
  ),
  "last-mix": idle("the mean of the honest updates of the round before", ({ earlier, before }) =>
    earlier.length === 0 ? before.map(() => 0) : meanOf(earlier),
  ),
  plagiarist: idle(
    "what an honest member sent in the round before",
    ({ earlier: [first], before }) => first ?? before.map(() => 0),
  ),
  "noisy-plagiarist": idle(
    "what an honest member sent in the round before, and as much noise",
    ({ earlier: [first], before }, random) => {
      if (first === undefined) return noiseLike(before, random);
      return plus(first, NOISE * norm(first), noiseLike(before, random));
    },
  ),
  "own-again": idle("its own first update, for ever", ({ first }) => first),
  "noisy-own-again": idle("its own first update, and as much noise", ({ first }, random) =>
    plus(first, NOISE * norm(first), noiseLike(first, random)),
  ),
} as const satisfies Record<string, Attack>;

// --- internal ---

type Choice = (context: AttackContext, random: Random) => Row;

/** Sends what is chosen, brought to the length of its honest update. */
function idle(text: string, choose: Choice): Attack {
  return value(text, (context, random) => {
    const { before, trained } = context;
    const chosen = choose(context, random);
    const size = norm(chosen);
    const length = norm(plus(trained, -1, before));
    return Float32Array.from(plus(before, size === 0 ? 0 : length / size, chosen));
  });
}

function noiseLike(like: Row, random: Random): Float64Array {
  const noise = Float64Array.from(like, () => normal(random));
  const size = norm(noise);
  return noise.map((each) => each / size);
}
