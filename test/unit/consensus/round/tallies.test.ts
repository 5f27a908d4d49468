import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createRound,
  type Event,
  type RoundState,
  roundTimingSchema,
  step,
} from "../../../../src/consensus/index.ts";
import { changed } from "../../../../src/consensus/round/ascending.ts";
import { isPending } from "../../../../src/consensus/round/fetches.ts";
import {
  arrivalOf,
  hasAnnounced,
  hasVoice,
  isAwaited,
  takesPart,
} from "../../../../src/consensus/round/neighbours.ts";
import { waitFor } from "../../../../src/consensus/round/patience.ts";
import { STANDINGS } from "../../../../src/types.ts";

const PEERS = ["a", "b", "c", "d", "e"];
/** From round 2 on: a peer comes, and one goes. */
const LATER = { neighbours: ["b", "c", "d", "e", "f"], attackersMax: 1 };
const timing = roundTimingSchema.parse({ missesMax: 1, announcementsMax: 3 });

/** Something that happens, before it is known whether the node waits for it. */
const happening = fc.record({
  type: fc.constantFrom<Event["type"]>(
    ...Array.from({ length: 12 }, () => "announced" as const),
    ...Array.from({ length: 8 }, () => "fetched" as const),
    ...(["fetch-failed", "timer", "presence", "standing"] as const),
  ),
  peer: fc.constantFrom(...PEERS, "f", "stranger"),
  /** Relative to the node's. */
  ahead: fc.integer({ min: -1, max: 3 }),
  after: fc.integer({ min: 0, max: 9000 }),
  payload: fc.constantFrom(...Array.from({ length: 20 }, () => "one"), "two"),
  standing: fc.constantFrom(...STANDINGS),
  isThere: fc.boolean(),
});
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

/** What the node hears next: its own work first. */
function eventOf({ phase, round }: RoundState, now: number, each: Happening): Event {
  const { type, peer, ahead, payload, standing, isThere } = each;
  if (phase === "idle") return { type: "started", now };
  if (phase === "train") return { type: "trained", round, payload: `me/${round}`, now };
  if (phase === "mix") return { type: "mixed", round, now };
  if (phase === "fetch" && ahead < 1) return { type: "fetched", peer, round, now };
  const of = Math.max(0, round + ahead);
  switch (type) {
    case "timer":
      return { type, timer: phase === "fetch" ? "fetch" : "commit", round, now: now + 1e7 };
    case "presence":
      return { type, peer, isThere, now };
    case "standing":
      return { type, peer, standing, now };
    case "fetched":
    case "fetch-failed":
      return { type, peer, round, now };
    default:
      return { type: "announced", peer, round: of, payload, payloadBytes: 1, now };
  }
}

function countedAnew({ neighbours: { values }, round }: RoundState) {
  const those = (isSuch: (value: (typeof values)[number]) => boolean) => values.filter(isSuch);
  const missing = those((each) => isAwaited(each, round, timing));
  const arrived = those((each) => takesPart(each) && hasAnnounced(each, round));
  return {
    round,
    timing,
    others: those(takesPart).length,
    heard: those((each) => takesPart(each) && each.newestRound >= round).length,
    arrivedAt: arrived.map((each) => arrivalOf(each, round)?.at ?? 0).sort((a, b) => a - b),
    missing: missing.length,
    owedGrace: missing.filter(({ announcing }) => waitFor(announcing, timing) === "grace").length,
    voices: those(hasVoice).length,
    ahead: those((each) => hasVoice(each) && each.newestRound >= round + 1).length,
    farAhead: those((each) => hasVoice(each) && each.newestRound >= round + 2).length,
  };
}

function fetchesCountedAnew({ fetches: { values } }: RoundState) {
  const pending = values.filter(isPending);
  return {
    fetchedAt: values
      .flatMap((fetch) => (fetch.result === "fetched" ? [fetch.at] : []))
      .sort((a, b) => a - b),
    pending: pending.length,
    owedGrace: pending.filter(({ wait }) => wait === "grace").length,
  };
}

describe("what the round counts as it goes", () => {
  test("is what there is to count, after whatever others do", () => {
    const seen = { arrived: 0, fetched: 0, pardoned: 0, ahead: 0 };
    fc.assert(
      fc.property(fc.array(happening, { minLength: 50, maxLength: 200 }), (happenings) => {
        const config = { self: "me", neighbours: PEERS, attackersMax: 1, rounds: 20, timing };
        const at = (round: number) => (round < 2 ? config : LATER);
        let state = createRound({ ...config, later: { everyone: [...PEERS, "f"], at } });
        let now = 0;
        for (const each of happenings) {
          now += each.after;
          const event = eventOf(state, now, each);
          now = event.now;
          [state] = step(state, event);
          expect(state.neighbours.tally).toEqual(countedAnew(state));
          expect(state.fetches.tally).toEqual(fetchesCountedAnew(state));
          const { arrivedAt, missing, owedGrace, ahead } = state.neighbours.tally;
          seen.arrived += Number(arrivedAt.length > 1);
          seen.fetched += Number(state.fetches.tally.fetchedAt.length > 1);
          seen.pardoned += Number(missing > owedGrace);
          seen.ahead += Number(ahead > 1);
        }
      }),
      { seed: 1, numRuns: 60 },
    );
    // the control: what is compared is not nothing
    for (const times of Object.values(seen)) expect(times).toBeGreaterThan(10);
  });

  test("keeps its times in order as they come and go", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), fc.nat(), (times, which) => {
        const all = times.reduce<readonly number[]>((so, time) => changed(so, time, 1), []);
        expect(all).toEqual(times.toSorted((a, b) => a - b));
        const gone = times[which % times.length];
        if (gone === undefined) return;
        const rest = times.toSpliced(times.indexOf(gone), 1);
        expect(changed(all, gone, -1)).toEqual(rest.sort((a, b) => a - b));
      }),
    );
  });
});
