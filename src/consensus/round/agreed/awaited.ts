import { commitGrace, tolerance, waitFor } from "../patience.ts";
import { type AgreedState, ownPlace } from "./agreed-state.ts";

/** For how long the others are waited for: not at all, for the time that each may take every round, or the grace. */
export interface Awaited {
  readonly places: readonly number[];
  readonly graceMs: number;
}

/** Whether this node reaches a quorum, itself included. */
export function reachesQuorum({ present, height }: AgreedState): boolean {
  return present.size + 1 >= height.simplex.quorum.size;
}

/** Whom the list waits for: members that are connected, and this node while it trains. */
export function awaitedAnnouncers(state: AgreedState): Awaited {
  const { training, height, config } = state;
  const self = training.phase === "running" ? [ownPlace(state)] : [];
  const grace = commitGrace(config.timing, training.tookMs);
  return awaitedOf(state, [...state.present, ...self], height.arrivals, grace);
}

/** Who has announced so long after a quorum, this node included, that the others waited for it. */
export function lateAnnouncers(state: AgreedState): ReadonlySet<number> {
  const { height, config, training, head } = state;
  const { arrivals, quorumAt } = height;
  // a run begins when its members are there: nobody is late for that
  if (head.height === 0 || quorumAt === null) return new Set();
  const grace = commitGrace(config.timing, training.tookMs);
  const ownAt = arrivals.get(ownPlace(state))?.[0]?.at ?? quorumAt;
  const until = Math.max(quorumAt, ownAt) + tolerance(config.timing, training.tookMs, grace);
  const late = [...arrivals].filter(([, [first]]) => first !== undefined && first.at > until);
  return new Set(late.map(([place]) => place));
}

/** Whom the ballot waits for: the authors whose payloads are on their way. */
export function awaitedServers(state: AgreedState): Awaited {
  const { list, fetches } = state.height;
  const pending = (list?.held ?? []).filter(({ payload }) => fetches.get(payload) === "pending");
  const places = pending.map(({ place }) => place);
  return awaitedOf(state, places, new Map(), state.config.timing.fetchGraceMs);
}

// --- internal ---

function awaitedOf(
  state: AgreedState,
  places: readonly number[],
  arrived: ReadonlyMap<number, unknown>,
  graceMs: number,
): Awaited {
  const { config, patience, evidence, head } = state;
  const self = ownPlace(state);
  const waits = places
    .filter((place) => place >= 0 && !arrived.has(place))
    // the next block names it: its update counts for nothing
    .filter((place) => !evidence.has(head.members.peers[place] ?? ""))
    .map((place) => {
      const known = patience[place];
      const wait = known === undefined || place === self ? "grace" : waitFor(known, config.timing);
      return { place, wait };
    })
    .filter(({ wait }) => wait !== "none");
  const isGraceOwed = waits.some(({ wait }) => wait === "grace");
  return {
    places: waits.map(({ place }) => place),
    graceMs: isGraceOwed ? graceMs : config.timing.toleranceShare * graceMs,
  };
}
