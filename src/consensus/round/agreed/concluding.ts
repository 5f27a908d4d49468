import { type AgreedState, type ChainHead, isOver, openHeight, ownPlace } from "./agreed-state.ts";
import { type AgreedTurn, changeHeight } from "./agreed-turn.ts";
import { awaitCatchUp } from "./catching-up.ts";
import { judgeConduct } from "./conduct.ts";
import type { Link } from "./contract.ts";
import { decidedAfter } from "./membership/decided.ts";
import type { MakeMembers } from "./membership/members.ts";
import { membersAfter, seated } from "./membership/succeeding.ts";
import { reopen } from "./silence.ts";

/** The height is final: has its block kept. Without the block's body the chain of others is asked for. */
export function conclude(turn: AgreedTurn): void {
  const { simplex, bodies, concluding } = turn.state.height;
  const { final } = simplex;
  if (final?.block == null || concluding !== null) return;
  const body = bodies.get(final.block);
  // whoever tells of the end again must not put this off
  if (body === undefined) awaitCatchUp(turn);
  else keepLinks(turn, [{ block: body.block, digest: final.block, certificate: final }]);
}

/** Takes over final blocks that others had: those that follow one another from the open height on. */
export function takeChain(turn: AgreedTurn, links: readonly Link[]): void {
  if (turn.state.height.concluding !== null) return;
  const { head } = turn.state;
  const ours: Link[] = [];
  let parent = head.parent;
  for (const link of links) {
    const { height } = link.block;
    if (height !== head.height + ours.length) continue;
    if (link.block.parent !== parent) break;
    ours.push(link);
    parent = link.digest;
  }
  if (ours.length > 0) keepLinks(turn, ours);
}

/** The end of the chain after more final blocks. */
export function headAfter(
  head: ChainHead,
  links: readonly Link[],
  membersOf: MakeMembers,
): ChainHead {
  return links.reduce((below, { block, digest }) => {
    const { members, levels } = membersAfter(below, block, membersOf);
    const { checkpoint, norm } = block;
    const decided = decidedAfter(below.decided, block);
    return { height: block.height + 1, parent: digest, checkpoint, norm, members, levels, decided };
  }, head);
}

/** What was final is kept: opens the next height. */
export function openNext(turn: AgreedTurn, links: readonly Link[]): void {
  const patience = judgeConduct(turn, links);
  const { state } = turn;
  const head = headAfter(state.head, links, state.config.membersOf);
  const ahead = new Map([...state.ahead].filter(([, height]) => height > head.height));
  const last = links.at(-1)?.block ?? { rosterChanges: [] };
  const now = seated({ ...state, ahead, patience }, head, last);
  const isGone = ownPlace(state) >= 0 && ownPlace(now) < 0;
  turn.state = {
    ...now,
    height: openHeight(now),
    phase: isOver(now) || isGone ? "done" : "running",
    viewTimes: viewTimesAfter(state),
    timers: new Map(),
    early: [],
  };
  if (turn.state.phase === "running") reopen(turn);
}

// --- internal ---

function keepLinks(turn: AgreedTurn, links: readonly Link[]): void {
  changeHeight(turn, { concluding: links });
  turn.effects.push({ type: "conclude", round: turn.state.head.height, links });
}

/** How long the view took in which the height ended; as many are kept as there are members. */
function viewTimesAfter({ viewTimes, height, head }: AgreedState): readonly number[] {
  if (height.viewTook === null) return viewTimes;
  return [...viewTimes, height.viewTook].slice(-head.members.peers.length);
}
