import { cutOf, headAfter, quorumOf, sharesOfCut } from "../../../consensus/index.ts";
import type { PeerId } from "../../../types.ts";
import { digestOfPoint } from "../manifest.ts";
import { membersOf } from "./members-of.ts";
import { mixedWithout, type RollbackGround, startOf } from "./rollback.ts";

/** A round's certified mix, and the mixes that it would have been without one author each. */
export interface LeftOut {
  readonly whole: Float32Array;
  /** Of those whose updates counted; an author without whom too few are left is not among them. */
  readonly without: ReadonlyMap<PeerId, Float32Array>;
}

/** Mixes a kept round again without each of its authors in turn; or says why that cannot be done here. */
export function leaveOneOut(ground: RollbackGround, height: number): LeftOut | string {
  const round = height + 1;
  const head = ground.headBelow(height);
  const kept = ground.keptRound(height);
  const point = startOf(kept, head, height);
  if (typeof point === "string") return point;
  const [link] = ground.links(height);
  if (link === undefined || kept === null) return `round ${round}: its block is not here`;
  const { peers } = head.members;
  const quorum = quorumOf(peers.length);
  const cut = cutOf(link.block, quorum);
  const mixOf = (without: PeerId) => mixedWithout(ground, { without, cut, head, point }, kept);
  const whole = mixOf(NOBODY);
  if (typeof whole === "string") return whole;
  const { checkpoint } = headAfter(head, [link], membersOf(ground.runId));
  if (whole === null || digestOfPoint(whole.point) !== checkpoint) {
    return `round ${round}: it does not mix to the certified state here`;
  }
  const places = cut.map(({ place }) => place);
  const shares = sharesOfCut(head.levels, places, quorum);
  const without = new Map<PeerId, Float32Array>();
  for (const peer of places.filter((_, i) => shares[i] !== 0).map((place) => peers[place] ?? "")) {
    const mixed = mixOf(peer);
    if (typeof mixed === "string") return mixed;
    if (mixed !== null) without.set(peer, mixed.point.theta);
  }
  return { whole: whole.point.theta, without };
}

// --- internal ---

/** No author has this name. */
const NOBODY = "";
