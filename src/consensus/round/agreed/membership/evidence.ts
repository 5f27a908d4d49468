import { type AgreedTurn, changeState } from "../agreed-turn.ts";
import type {
  Ballot,
  Contradiction,
  HeldPayload,
  List,
  Opinion,
  Proposal,
  Said,
  Testimony,
  Vote,
} from "../messages.ts";
import { type SimplexState, viewOf } from "../simplex-state.ts";

/** Bytes of evidence that a proposer puts into a block; what is left over comes in the next one. */
const EVIDENCE_BYTES_MAX = 40 * 1024;

/**
 * Whether no honest member says both: two announcements, lists or ballots for a height; two proposals of a view; votes
 * for two blocks of one kind in a view; finalize and nullify in a view; a ballot that holds what its list lacks. Honest
 * members do notarize and nullify one view, and finalize another block than they notarized.
 */
export function areContradictory(a: Said, b: Said): boolean {
  if (a.run !== b.run || a.height !== b.height) return false;
  if (a.kind === "list" && b.kind === "ballot") return a.parent === b.parent && exceeds(b, a);
  if (a.kind === "ballot" && b.kind === "list") return a.parent === b.parent && exceeds(a, b);
  return "view" in a && "view" in b ? differInView(a, b) : differInHeight(a, b);
}

/** Keeps two things that a member said, if they contradict each other: whoever proposes names it. */
export function compare(
  turn: AgreedTurn,
  place: number,
  said: Testimony,
  earlier: Iterable<Testimony>,
): void {
  const peer = turn.state.head.members.peers[place];
  if (peer === undefined || turn.state.evidence.has(peer)) return;
  for (const each of earlier) {
    if (!areContradictory(each.statement, said.statement)) continue;
    keep(turn, peer, { first: bare(each), second: bare(said) });
    return;
  }
}

/** Keeps what a block names, which was checked: the block may never be final. */
export function adopt(turn: AgreedTurn, evidence: readonly Contradiction[]): void {
  for (const { place, first, second } of evidence) compare(turn, place, second, [first]);
}

/** What a member has voted in a view so far. */
export function votesOf(simplex: SimplexState, place: number, view: number): readonly Testimony[] {
  const { notarize, nullify, finalize } = viewOf(simplex, view);
  const named = { ...simplex.name, view };
  const votes = (["notarize", "finalize"] as const).flatMap((kind) => {
    const vote = (kind === "notarize" ? notarize : finalize).get(place);
    if (vote === undefined) return [];
    const { block, signature } = vote;
    return [{ statement: { ...named, kind, block }, signature }];
  });
  const signature = nullify.get(place);
  if (signature === undefined) return votes;
  return [...votes, { statement: { ...named, kind: "nullify", block: null }, signature }];
}

/** The evidence for a block, by place: what is known of members, as much as a block has room for. */
export function evidenceFor({
  evidence,
  places,
}: Pick<AgreedTurn["state"], "evidence" | "places">): readonly Contradiction[] {
  const known = [...evidence].flatMap(([peer, pair]) => {
    const place = places.get(peer);
    return place === undefined ? [] : [{ place, ...pair }];
  });
  let room = EVIDENCE_BYTES_MAX;
  const fitting = known.filter((each) => {
    room -= bytesOf(each.first) + bytesOf(each.second);
    return room >= 0;
  });
  return fitting.sort((a, b) => a.place - b.place);
}

/** Why the evidence of a block of this run and height proves nothing; null when all of it does. */
export function evidenceFault(
  evidence: readonly Contradiction[],
  { run, height, members }: { run: string; height: number; members: number },
): string | null {
  const places = evidence.map(({ place }) => place);
  if (!places.every((place, i) => place < members && place > (places[i - 1] ?? -1))) {
    return "evidence out of order, repeated, or about nobody";
  }
  const isOurs = ({ statement }: Testimony) => statement.run === run && statement.height <= height;
  const proves = ({ first, second }: Contradiction) =>
    isOurs(first) && isOurs(second) && areContradictory(first.statement, second.statement);
  return evidence.every(proves) ? null : "evidence of nothing that an honest member would not do";
}

// --- internal ---

function keep(turn: AgreedTurn, peer: string, pair: Omit<Contradiction, "place">): void {
  changeState(turn, { evidence: new Map(turn.state.evidence).set(peer, pair) });
}

/** Without the block that a proposal carries: its digest is what is signed. */
function bare({ statement, signature }: Testimony): Testimony {
  return statement.kind === "proposal"
    ? { statement: { ...statement, body: null }, signature }
    : { statement, signature };
}

function bytesOf({ statement }: Testimony): number {
  const held = "held" in statement ? 35 * statement.held.length : 0;
  return 1200 + held;
}

function exceeds(ballot: Ballot, { held }: List): boolean {
  const known = new Map(held.map(({ place, payload }) => [place, payload]));
  return ballot.held.some(({ place, payload }) => known.get(place) !== payload);
}

/** Whether both are what a member says once in a view, and not the same. */
function differInView(a: Proposal | Vote, b: Proposal | Vote): boolean {
  if (a.view !== b.view || a.parent !== b.parent || onceInView(a) !== onceInView(b)) return false;
  return a.block !== b.block || confirmedBy(a) !== confirmedBy(b);
}

/** Nullify and finalize are one choice. */
function onceInView({ kind }: Proposal | Vote): string {
  return kind === "nullify" ? "finalize" : kind;
}

function confirmedBy(said: Proposal | Vote): number | null {
  return said.kind === "proposal" ? said.confirms : null;
}

/** Whether both are what a member says once in a height, and not the same. */
function differInHeight(a: Said, b: Said): boolean {
  if (a.kind === "announcement" && b.kind === "announcement") return a.payload !== b.payload;
  if (a.kind === "list" && b.kind === "list") return a.parent !== b.parent || differ(a, b);
  if (a.kind !== "ballot" || b.kind !== "ballot") return false;
  const isSameOpinion = (opinion: Opinion, i: number) => opinion === b.opinions[i];
  const areOpinionsSame =
    a.opinions.length === b.opinions.length && a.opinions.every(isSameOpinion);
  return a.parent !== b.parent || !areOpinionsSame || differ(a, b);
}

/** Whether two hold other payloads, or in another order. */
function differ({ held }: List | Ballot, { held: others }: List | Ballot): boolean {
  const isSame = ({ place, payload }: HeldPayload, i: number) =>
    place === others[i]?.place && payload === others[i]?.payload;
  return held.length !== others.length || !held.every(isSame);
}
