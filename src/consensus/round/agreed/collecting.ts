import type { Digest, PeerId, Reason } from "../../../types.ts";
import { type Arrival, bytesOfPayload, heightName, ownPlace } from "./agreed-state.ts";
import { type AgreedTurn, changeHeight, observe, repeatLater, setTimer } from "./agreed-turn.ts";
import { awaitedAnnouncers, awaitedServers, reachesQuorum } from "./awaited.ts";
import type { AgreedEvent } from "./contract.ts";
import { compare } from "./membership/evidence.ts";
import type { Ballot, HeldPayload, List, Opinion, SignedStatement } from "./messages.ts";
import { recogniseAnnounced } from "./silence.ts";

/** Announcements of one author that are kept: two prove equivocation. */
const ANNOUNCEMENTS_MAX = 2;

/** A peer has announced a payload for some height; so has this node, before it started, when that comes back. */
export function hearAnnounced(
  turn: AgreedTurn,
  {
    peer,
    round,
    payload,
    payloadBytes: bytes,
    signed,
  }: Extract<AgreedEvent, { type: "announced" }>,
): void {
  const { config, places, head } = turn.state;
  if (peer === config.self) recogniseAnnounced(turn, round, payload);
  const place = places.get(peer);
  if (place === undefined || round !== head.height) return;
  hearAnnouncement(turn, { place, payload, bytes, signed });
}

/** A member, or this node, has announced a payload for the height. */
export function hearAnnouncement(turn: AgreedTurn, announced: Omit<Arrival, "at">): void {
  const { arrivals, quorumAt, simplex } = turn.state.height;
  const { place, bytes } = announced;
  if (bytes > bytesOfPayload(turn.state)) return;
  const known = arrivals.get(place) ?? [];
  const isKnown = known.some(({ payload }) => payload === announced.payload);
  if (isKnown || known.length === ANNOUNCEMENTS_MAX) return;
  if (known.length > 0) observe(turn, place, "equivocation", "two announcements for a round");
  if (announced.signed !== undefined) {
    const earlier = known.flatMap(({ signed }) => signed ?? []);
    compare(turn, place, announced.signed, earlier);
  }
  const now = new Map(arrivals).set(place, [...known, { ...announced, at: turn.now }]);
  const isQuorum = now.size >= Math.max(simplex.quorum.size, membersToStart(turn));
  changeHeight(turn, { arrivals: now, quorumAt: quorumAt ?? (isQuorum ? turn.now : null) });
  reviewList(turn);
}

/** Signs the list once nobody is worth waiting for: from then on this node has chosen. */
export function reviewList(turn: AgreedTurn): void {
  const { list, lists, quorumAt, simplex, arrivals } = turn.state.height;
  if (ownPlace(turn.state) < 0) return;
  if (list !== null || arrivals.size === 0 || !reachesQuorum(turn.state)) return;
  // honest members have chosen: the others would wait for this node
  const hasToHurry = lists.size > simplex.quorum.faulty;
  if (quorumAt === null && !hasToHurry) return;
  const { places, graceMs } = awaitedAnnouncers(turn.state);
  const until = (quorumAt ?? turn.now) + graceMs;
  if (hasToHurry || places.length === 0 || turn.now >= until) signList(turn);
  else setTimer(turn, "list", until);
}

/** Hears whose announcements a member holds. */
export function hearList(turn: AgreedTurn, place: number, signed: SignedStatement<List>): void {
  const { lists, ballots } = turn.state.height;
  const list = signed.statement;
  const [earlier, ballot] = [lists.get(place), ballots.get(place)];
  compare(
    turn,
    place,
    signed,
    [earlier, ballot].filter((each) => each !== undefined),
  );
  if (earlier !== undefined) {
    if (!areAlike(earlier.statement.held, list.held))
      observe(turn, place, "equivocation", "two lists");
    return;
  }
  changeHeight(turn, { lists: new Map(lists).set(place, signed) });
  if (lists.size === 0) repeatLater(turn);
  if (place === ownPlace(turn.state)) changeHeight(turn, { list });
  reviewList(turn);
  reviewOpening(turn);
}

/** Opens when all have chosen, or some time after a quorum has: lists travel faster than that. */
export function reviewOpening(turn: AgreedTurn): void {
  const { isOpen, list, lists, simplex } = turn.state.height;
  // whoever has not chosen yet could still look before it does
  if (isOpen || list === null || lists.size < simplex.quorum.size) return;
  const { timers, config } = turn.state;
  if (lists.size === simplex.quorum.members) open(turn);
  else if (!timers.has("open")) setTimer(turn, "open", turn.now + config.timing.openDelayMs);
}

/** Serves the own payload from now on, and pulls those of the list. */
export function open(turn: AgreedTurn): void {
  const { payload, list, isOpen } = turn.state.height;
  if (isOpen || list === null) return;
  const { head, config } = turn.state;
  changeHeight(turn, { isOpen: true });
  const isListed = list.held.some((each) => each.payload === payload?.payload);
  if (payload !== null && isListed) {
    const fetches = new Map(turn.state.height.fetches).set(payload.payload, "fetched");
    changeHeight(turn, { fetches });
    turn.effects.push({ type: "open", round: head.height, payload: payload.payload });
  }
  fetchMissing(turn, list.held, () => []);
  setTimer(turn, "fetch", turn.now + config.timing.fetchMaxMs);
  reviewBallot(turn);
}

/** Asks for payloads that are neither there nor on their way. */
export function fetchMissing(
  turn: AgreedTurn,
  wanted: readonly HeldPayload[],
  holders: (payload: HeldPayload) => readonly number[],
): void {
  const { head, config, height } = turn.state;
  const fetches = new Map(height.fetches);
  for (const each of wanted) {
    const state = fetches.get(each.payload);
    if (state === "pending" || state === "fetched") continue;
    fetches.set(each.payload, "pending");
    const peers = [...new Set([each.place, ...holders(each)])]
      .map((place) => head.members.peers[place])
      .filter((peer): peer is PeerId => peer !== undefined && peer !== config.self);
    const payload = { ...each, bytes: bytesOfPayload(turn.state) };
    turn.effects.push({ type: "fetch", round: head.height, payload, holders: peers });
  }
  changeHeight(turn, { fetches });
}

/** A payload has arrived, or could not be had. */
export function settleFetch(turn: AgreedTurn, payload: Digest, outcome: "fetched" | Reason): void {
  const { fetches } = turn.state.height;
  if (fetches.get(payload) !== "pending") return;
  changeHeight(turn, { fetches: new Map(fetches).set(payload, outcome) });
  reviewBallot(turn);
}

/** Has what arrived judged, once nobody is worth waiting for. */
export function reviewBallot(turn: AgreedTurn): void {
  const { isOpen, list, balloting, fetches, simplex } = turn.state.height;
  if (!isOpen || list === null || balloting !== "no") return;
  const { places, graceMs } = awaitedServers(turn.state);
  const held = list.held.filter(({ payload }) => fetches.get(payload) === "fetched");
  if (places.length === 0) judge(turn, list);
  else if (held.length >= simplex.quorum.size) {
    const earlier = turn.state.timers.get("fetch") ?? Number.POSITIVE_INFINITY;
    setTimer(turn, "fetch", Math.min(earlier, turn.now + graceMs));
  }
}

/** The time for payloads is over: judges what there is. */
export function closeFetch(turn: AgreedTurn): void {
  const { list, balloting } = turn.state.height;
  if (list !== null && balloting === "no") judge(turn, list);
}

/** Signs the ballot. */
export function signBallot(turn: AgreedTurn, judged: ReadonlyMap<number, Opinion>): void {
  const { list, balloting } = turn.state.height;
  if (balloting !== "judging" || list === null) return;
  const { peers } = turn.state.head.members;
  const opinions = peers.map((_, place) => judged.get(place) ?? "absent");
  const held = list.held.filter(({ place }) => opinions[place] !== "absent");
  changeHeight(turn, { balloting: "done" });
  const statement: Ballot = { ...heightName(turn.state), kind: "ballot", opinions, held };
  turn.effects.push({ type: "send", statement });
}

/** Hears a ballot; the first of a member counts. */
export function hearBallot(turn: AgreedTurn, place: number, signed: SignedStatement<Ballot>): void {
  const { ballots, lists } = turn.state.height;
  const { held, opinions } = signed.statement;
  const known = [ballots.get(place), lists.get(place)];
  compare(
    turn,
    place,
    signed,
    known.filter((each) => each !== undefined),
  );
  const earlier = ballots.get(place)?.statement;
  if (earlier !== undefined) {
    const isSame = areAlike(earlier.held, held) && areEqual(earlier.opinions, opinions);
    if (!isSame) observe(turn, place, "equivocation", "two ballots for a round");
    return;
  }
  const list = lists.get(place)?.statement;
  if (list !== undefined && !contains(list.held, held)) {
    observe(turn, place, "contradiction", "its ballot holds what its list lacks");
  }
  changeHeight(turn, { ballots: new Map(ballots).set(place, signed) });
  if (place === ownPlace(turn.state)) changeHeight(turn, { balloting: "done" });
}

// --- internal ---

function membersToStart({ state }: AgreedTurn): number {
  const { startMembers = 0 } = state.config;
  const { height, members } = state.head;
  return height > 0 ? 0 : Math.min(startMembers, members.peers.length);
}

function signList(turn: AgreedTurn): void {
  const { arrivals } = turn.state.height;
  const held = [...arrivals]
    .sort(([a], [b]) => a - b)
    .flatMap(([place, [first]]) => (first ? [{ place, payload: first.payload }] : []));
  const statement: List = { ...heightName(turn.state), kind: "list", held };
  changeHeight(turn, { list: statement });
  turn.effects.push({ type: "send", statement });
}

function judge(turn: AgreedTurn, { held }: List): void {
  const { head, height } = turn.state;
  const payloads = held.filter(({ payload }) => height.fetches.get(payload) === "fetched");
  changeHeight(turn, { balloting: "judging" });
  turn.effects.push({ type: "judge", round: head.height, payloads });
}

function contains(all: readonly HeldPayload[], some: readonly HeldPayload[]): boolean {
  const known = new Map(all.map(({ place, payload }) => [place, payload]));
  return some.every(({ place, payload }) => known.get(place) === payload);
}

function areAlike(a: readonly HeldPayload[], b: readonly HeldPayload[]): boolean {
  if (a === b) return true;
  const isSame = (each: HeldPayload, i: number) =>
    each.place === b[i]?.place && each.payload === b[i]?.payload;
  return a.length === b.length && a.every(isSame);
}

function areEqual(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((each, i) => each === b[i]));
}
