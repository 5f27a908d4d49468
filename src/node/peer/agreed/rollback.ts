import {
  type AgreedPoint,
  type ChainHead,
  cutOf,
  type HeldPayload,
  headAfter,
  type Link,
  quorumOf,
  type Rollback,
  sharesOfCut,
} from "../../../consensus/index.ts";
import type { Digest, PeerId } from "../../../types.ts";
import type { KeptRound } from "../../store/contract.ts";
import { digestOf, digestOfPoint } from "../manifest.ts";
import { type MixedCut, type MixingTerms, mixCut } from "./agreed-mixing.ts";
import { membersOf } from "./members-of.ts";

/** Whose updates are left out, and from which height on. */
export type Without = Pick<Rollback, "without" | "since">;

/** What mixing rounds again takes. */
export interface RollbackGround extends MixingTerms {
  readonly runId: Digest;
  /** The end of the chain below a height. */
  headBelow(height: number): ChainHead;
  /** Final blocks from a height on, some of them. */
  links(from: number): readonly Link[];
  keptRound(round: number): KeptRound | null;
}

/**
 * The state that a height starts from if an author's updates since an earlier one are left out: each cut is mixed again
 * without it, and what the outer optimiser remembers with it. Or why that cannot be told here, for a person.
 *
 * @param known - What one of these heights starts from without the author, if that was mixed before
 */
export function mixedAgain(
  ground: RollbackGround,
  { without, since }: Without,
  until: number,
  known: { readonly height: number; readonly point: AgreedPoint } | null = null,
): AgreedPoint | string {
  let head = ground.headBelow(known?.height ?? since);
  const start = known?.point ?? startOf(ground.keptRound(since), head, since);
  if (typeof start === "string") return start;
  let point = start;
  while (head.height < until) {
    const links = ground.links(head.height).slice(0, until - head.height);
    if (links.length === 0) return `round ${head.height + 1}: its block is not here`;
    for (const link of links) {
      const kept = ground.keptRound(head.height);
      if (kept === null) return notKept(head.height);
      const cut = cutOf(link.block, quorumOf(head.members.peers.length));
      const mixed = mixedWithout(ground, { without, cut, head, point }, kept);
      if (typeof mixed === "string") return mixed;
      point = mixed?.point ?? point;
      head = headAfter(head, [link], membersOf(ground.runId));
    }
  }
  return point;
}

/** A cut that is mixed without an author. */
interface CutWithout {
  readonly without: PeerId;
  /** Whole: the author may be in it. */
  readonly cut: readonly HeldPayload[];
  readonly head: ChainHead;
  readonly point: AgreedPoint;
}

/** What a cut mixes to without an author; null where too few are left, and the state stays. Or whose update is not here. */
export function mixedWithout(
  terms: MixingTerms,
  { without, cut: whole, head, point }: CutWithout,
  { payloads }: Pick<KeptRound, "payloads">,
): MixedCut | null | string {
  const { peers } = head.members;
  const quorum = quorumOf(peers.length);
  const cut = whole.filter(({ place }) => peers[place] !== without);
  if (cut.length < 2 * quorum.faulty + 1) return null;
  const payloadOf = (digest: Digest) => {
    const bytes = payloads.get(digest) ?? null;
    return bytes !== null && digestOf(bytes) === digest ? bytes : null;
  };
  const isMissing = ({ payload }: HeldPayload) => payloadOf(payload) === null;
  const missing = cut.find(isMissing);
  const round = head.height + 1;
  if (missing !== undefined) {
    return `round ${round}: the update of ${peers[missing.place]} is not kept here`;
  }
  const places = cut.map(({ place }) => place);
  const shares = sharesOfCut(head.levels, places, quorum);
  const mixed = mixCut(terms, payloadOf, { cut, shares, head, point });
  return mixed ?? `round ${round}: an update that counted cannot be read`;
}

/** The certified state that a height started from, or why it is not known here. */
export function startOf(
  kept: KeptRound | null,
  head: ChainHead,
  height: number,
): AgreedPoint | string {
  if (kept === null || head.height !== height) return notKept(height);
  const { theta, velocity } = kept;
  return digestOfPoint({ theta, velocity }) === head.checkpoint
    ? { theta, velocity }
    : `round ${height + 1}: what is kept here does not start from the certified state`;
}

// --- internal ---

function notKept(height: number): string {
  return `round ${height + 1}: its state and updates are not kept here (storage.keepRounds says how many rounds are)`;
}
