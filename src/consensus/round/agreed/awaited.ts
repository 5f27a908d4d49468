import { waitFor } from "../patience.ts";
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
  const grace = Math.max(
    config.timing.commitGraceMs,
    config.timing.graceShare * (training.tookMs ?? 0),
  );
  return awaitedOf(state, [...state.present, ...self], height.arrivals, grace);
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
  const { config, patience } = state;
  const self = ownPlace(state);
  const waits = places
    .filter((place) => place >= 0 && !arrived.has(place))
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
