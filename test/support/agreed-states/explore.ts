import { canonical, decoded, type State } from "./canonical.ts";
import { Healing } from "./healing.ts";
import { type Deed, type Heard, Moves } from "./moves.ts";
import {
  BLOCKS,
  type BlockIndex,
  CERTIFICATES,
  FINALIZE,
  HONEST,
  LIAR,
  type MemberState,
  VIEWS,
  VOTES,
  voteBit,
} from "./words.ts";

/** What is explored. */
export interface ExploreOptions {
  /** Places in the order in which they propose; the last place is the liar's. */
  readonly turns: readonly number[];
  /** Whether the network heals in every state, too. */
  readonly healing?: boolean;
  /** Rules that only a mutation breaks: whether what was said and acted on outlives a restart. */
  readonly votesOnDisk?: boolean;
  readonly certificatesOnDisk?: boolean;
  /** Only a mutation has the view in the digest of a block. */
  readonly digestOf?: (block: string, view: number) => string;
}

/** Places by turn, with the liar at each place. */
export const TURNS = [
  [3, 0, 1, 2],
  [0, 3, 1, 2],
  [0, 1, 3, 2],
  [0, 1, 2, 3],
] as const;

/** What was found. */
export interface Explored {
  readonly states: number;
  /** What went wrong first; null when all is well. */
  readonly bad: string | null;
  /** In how many states so many views were needed after the network had healed, at most. */
  readonly views: ReadonlyMap<number, number>;
}

/**
 * Every state that one height of four members can come to in two views, by the real functions of the agreement. What
 * was said is a set that only grows, and a member acts on any part of it at any time: loss, delay, order and repetition
 * are all in, and so are restarts, since votes and certificates are on disk before they count.
 */
export function explore(options: ExploreOptions): Explored {
  const { turns } = options;
  const world = { ...options, moves: new Moves(turns), healed: new Healing(turns) };
  const views = new Map<number, number>();
  const start = canonical(
    { members: HONEST.map(() => NEW), proposed: turns.slice(0, VIEWS).map(() => null) },
    turns,
  );
  const seen = new Set([start]);
  const queue = [start];
  for (const key of queue) {
    const state = decoded(key);
    let bad = violation(world, state);
    if (bad === null && options.healing === true) {
      const needed = world.healed.viewsToFinal(state.members, state.proposed);
      views.set(needed, (views.get(needed) ?? 0) + 1);
      if (needed > VIEWS_MAX) bad = `not final ${VIEWS_MAX} views after the network healed`;
    }
    if (bad !== null) return { states: seen.size, bad, views };
    for (const next of nextOf(world, state)) {
      const name = canonical(next, turns);
      if (!seen.has(name)) queue.push(name);
      seen.add(name);
    }
  }
  return { states: seen.size, bad: null, views };
}

// --- internal ---

/** The view under way, one of the liar's, one of an honest proposer. */
const VIEWS_MAX = 3;
const VIEW_NUMBERS = [...Array(VIEWS).keys()];
const NEW: MemberState = { sent: 0, disk: 0, view: 0, held: 0 };

interface World extends ExploreOptions {
  readonly moves: Moves;
}

function nextOf(world: World, state: State): readonly State[] {
  const found: State[] = [];
  for (const who of HONEST) {
    const member = state.members[who] as MemberState;
    for (const deed of deedsOf(world, state, who)) found.push(done(world, state, who, deed));
    if (world.votesOnDisk === false) {
      found.push(withMember(state, who, { ...member, disk: 0, view: 0 }));
    }
    if (world.certificatesOnDisk === false) {
      const spoke = VIEW_NUMBERS.filter((view) => hasSpoken(member, view));
      found.push(withMember(state, who, { ...member, held: 0, view: Math.max(0, ...spoke) }));
    }
  }
  return found;
}

/** All that a member may do next. */
function deedsOf(world: World, state: State, who: number): readonly Deed[] {
  const member = state.members[who] as MemberState;
  const { moves } = world;
  const found: (Deed | null)[] = VIEW_NUMBERS.flatMap((view) =>
    CERTIFICATES.map((vote) =>
      moves.hear(who, member, { view, vote, voters: votersOf(state, view, vote) }),
    ),
  );
  if (member.view < VIEWS) {
    found.push(moves.nullify(who, member));
    for (const heard of [null, ...below(state, member.view)]) {
      found.push(...deedsInView(world, state, who, heard));
    }
  }
  return found.filter((deed) => deed !== null);
}

/** What a member may do about proposals for its view, after it has heard what may justify them. */
function deedsInView(
  { moves, turns }: World,
  state: State,
  who: number,
  heard: Heard | null,
): readonly (Deed | null)[] {
  const member = state.members[who] as MemberState;
  const { view } = member;
  const leader = turns[view] as number;
  const mayPropose = leader === who && state.proposed[view] === null;
  const own = mayPropose ? moves.propose(who, member, heard) : [];
  const voted = proposals(state, leader, view).flatMap((block) =>
    [null, ...Array(view).keys()].map((confirms) =>
      moves.notarize(who, member, heard, [block, confirms]),
    ),
  );
  return [...own, ...voted];
}

/** Votes of lower views that may make certificates. */
function below(state: State, view: number): readonly Heard[] {
  return [...Array(view).keys()].flatMap((each) =>
    CERTIFICATES.map((vote) => ({ view: each, vote, voters: votersOf(state, each, vote) })),
  );
}

function proposals(state: State, leader: number, view: number): readonly BlockIndex[] {
  if (leader === LIAR) return [0, 1];
  const proposed = state.proposed[view] ?? null;
  return proposed === null ? [] : [proposed];
}

function done({ certificatesOnDisk = true }: World, state: State, who: number, deed: Deed): State {
  const { sent, disk, held } = state.members[who] as MemberState;
  const { members, proposed } = withMember(state, who, {
    ...{ sent: sent | deed.sent, disk: disk | deed.sent, view: deed.view, held },
  });
  // on disk they are as good as everyone's once anyone acts on them: one set for all keeps the states few
  const keeper = certificatesOnDisk ? 0 : who;
  return {
    members: members.map((each, i) =>
      i === keeper ? { ...each, held: each.held | deed.held } : each,
    ),
    proposed:
      deed.proposed === null
        ? proposed
        : proposed.with(state.members[who]?.view ?? 0, deed.proposed),
  };
}

function withMember(state: State, who: number, member: MemberState): State {
  return { ...state, members: state.members.with(who, member) };
}

function hasSpoken({ disk }: MemberState, view: number): boolean {
  return VOTES.some((_, vote) => (disk & voteBit(view, vote)) !== 0);
}

function votersOf({ members }: State, view: number, vote: number): number {
  const bit = voteBit(view, vote);
  return HONEST.reduce<number>(
    (all, who) => all | ((members[who]?.sent ?? 0) & bit ? 1 << who : 0),
    0,
  );
}

/** What must never be. */
function violation(
  { moves, votesOnDisk = true, digestOf = (block) => block }: World,
  state: State,
): string | null {
  const finals = new Set<string>();
  for (let view = 0; view < VIEWS; view += 1) {
    for (const [index, block] of BLOCKS.entries()) {
      const vote = FINALIZE + index;
      if (moves.mayBeFinal({ view, vote, voters: votersOf(state, view, vote) })) {
        finals.add(digestOf(block, view));
      }
    }
  }
  if (finals.size > 1) return `two final blocks: ${[...finals].join(" and ")}`;
  const isGuilty = votesOnDisk && state.members.some(({ sent }) => moves.looksGuilty(sent));
  return isGuilty ? "an honest member looks guilty" : null;
}
