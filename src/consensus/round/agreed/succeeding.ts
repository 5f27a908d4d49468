import type { PeerId } from "../../../types.ts";
import { UNTRIED } from "../patience.ts";
import type { AgreedState, ChainHead } from "./agreed-state.ts";
import { unsoundAuthors } from "./cut.ts";
import { type MakeMembers, type Members, moved, placesOf } from "./members.ts";
import type { Block } from "./messages.ts";
import { quorumOf } from "./quorum.ts";
import { LEVEL_MAX, levelsAfter } from "./standings.ts";

/** Members that a block evicts, by place: whom its evidence names, and who sent what a quorum calls unsound. */
export function evictedBy(block: Pick<Block, "evidence" | "ballots">, members: Members) {
  const named = block.evidence.map(({ place }) => place);
  return new Set([...named, ...unsoundAuthors(block, quorumOf(members.peers.length))]);
}

/** The members of the height above a block, and their trust. */
export function membersAfter(
  { members, levels }: Pick<ChainHead, "members" | "levels">,
  block: Block,
  membersOf: MakeMembers,
): Pick<ChainHead, "members" | "levels"> {
  const quorum = quorumOf(members.peers.length);
  const after = levelsAfter(levels, block, quorum);
  const evicted = evictedBy(block, members);
  if (evicted.size === 0) return { members, levels: after };
  const peers = members.peers.filter((_, place) => !evicted.has(place));
  // members who all lie prove nothing to anybody: somebody has to go on
  if (peers.length === 0) return { members, levels: after };
  const next = membersOf(peers);
  const successors = new Map<PeerId, PeerId>();
  return { members: next, levels: moved(after, members, next, { first: LEVEL_MAX, successors }) };
}

/** The state at another head: what is known by place follows its member to where that is now. */
export function seated(state: AgreedState, head: ChainHead): AgreedState {
  const { members } = head;
  const before = state.head.members;
  if (members === before) return { ...state, head };
  const places = placesOf(members);
  const present = [...state.connected].map((peer) => places.get(peer));
  const evidence = [...state.evidence].filter(
    // a list is signed in as many bytes as its roster takes
    ([peer, { first, second }]) =>
      places.has(peer) && first.statement.kind !== "list" && second.statement.kind !== "list",
  );
  const successors = new Map<PeerId, PeerId>();
  return {
    ...{ ...state, head, places },
    present: new Set(present.filter((place) => place !== undefined)),
    patience: moved(state.patience, before, members, { first: UNTRIED, successors }),
    ahead: new Map(),
    evidence: new Map(evidence),
  };
}
