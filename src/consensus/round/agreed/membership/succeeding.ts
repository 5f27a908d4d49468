import { UNTRIED } from "../../patience.ts";
import type { AgreedState, ChainHead } from "../agreed-state.ts";
import { unsoundAuthors } from "../cut.ts";
import type { Block } from "../messages.ts";
import { quorumOf } from "../quorum.ts";
import { LEVEL_MAX, levelsAfter } from "../standings.ts";
import { peersAfter, successorsIn } from "./changes.ts";
import { decisionsFor } from "./decisions.ts";
import { type MakeMembers, type Members, moved, placesOf } from "./members.ts";

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
  const evicted = [...evictedBy(block, members)].map((place) => members.peers[place]);
  const { rosterChanges: changes } = block;
  if (evicted.length === 0 && changes.length === 0) return { members, levels: after };
  // whoever is put out comes back under no new key of the same block
  const kept = changes.filter(({ peer }) => !evicted.includes(peer));
  const peers = peersAfter(members.peers, kept).filter((peer) => !evicted.includes(peer));
  // members who all lie prove nothing to anybody: somebody has to go on
  if (peers.length === 0) return { members, levels: after };
  const next = membersOf(peers);
  const successors = successorsIn(block);
  return { members: next, levels: moved(after, members, next, { first: LEVEL_MAX, successors }) };
}

/** The state at another head: what is known by place follows its member to where that is now. */
export function seated(
  state: AgreedState,
  head: ChainHead,
  block: Pick<Block, "rosterChanges">,
): AgreedState {
  const { members } = head;
  const before = state.head.members;
  const decisions = decisionsFor({ ...state, head });
  if (members === before) return { ...state, head, decisions };
  const places = placesOf(members);
  const present = [...state.connected].map((peer) => places.get(peer));
  const evidence = [...state.evidence].filter(
    // a list is signed in as many bytes as its roster takes
    ([peer, { first, second }]) =>
      places.has(peer) && first.statement.kind !== "list" && second.statement.kind !== "list",
  );
  const successors = successorsIn(block);
  return {
    ...{ ...state, head, places, changes: [], decisions },
    present: new Set(present.filter((place) => place !== undefined)),
    patience: moved(state.patience, before, members, { first: UNTRIED, successors }),
    ahead: new Map(),
    evidence: new Map(evidence),
  };
}
