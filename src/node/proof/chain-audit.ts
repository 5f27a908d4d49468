import {
  type Block,
  type BlockGround,
  blockFault,
  type ChainHead,
  type Decided,
  decidedAfter,
  genesis,
  type Members,
  membersAfter,
  type Opinion,
  quorumOf,
  type Rollback,
  rollbackOf,
  sharesOfCut,
} from "../../consensus/index.ts";
import {
  type ChainBytes,
  type ChainEntry,
  decodeBlock,
  decodeCertificate,
  decodeEntry,
  formTrouble,
  Signatures,
  verifyBlock,
  verifyCertificate,
} from "../../gossip/index.ts";
import type { Digest, PeerId } from "../../types.ts";
import { attackersMinOf, firstMembers, membersOf } from "../peer/agreed/members-of.ts";
import { rolledBack } from "../peer/agreed/round-facts.ts";

/** A chain of final blocks as it lies somewhere, and whose it should be. */
export interface ChainClaim {
  readonly run: Digest;
  /** Members of round 0, sorted by peer id. */
  readonly members: readonly PeerId[];
  /** Liars that these are to bear whoever leaves; as many as they do unless given. */
  readonly attackersMin?: number | undefined;
  /** Digest of the state that the run begins from, where that is known. */
  readonly start: Digest | null;
  /** Height of the first block that is here. */
  readonly from: number;
  /** Trust by place below that block; those of a run's beginning when absent. */
  readonly levels?: readonly number[] | undefined;
  /** Blocks below it after which the members were others, or that made a decision. */
  readonly changes?: readonly ChainBytes[] | undefined;
  readonly chain: readonly ChainBytes[];
}

/** A round that a block ended. */
export interface AuditedRound {
  /** Counted from 1. */
  readonly round: number;
  /** Digest of the block. */
  readonly block: Digest;
  /** Digest of the state after it. */
  readonly checkpoint: Digest;
  /** Members whose signatures make it final. */
  readonly signers: number;
  /** Whose updates count, with the shares by which they were mixed; after a rollback, by which they were mixed again. */
  readonly contributors: readonly { readonly peer: PeerId; readonly share: number }[];
  /** What members who judged an update on examples of their own said of it, by its author. */
  readonly opinions: readonly OpinionsOf[];
  /** Members from the next round on that were none in this, and the other way round. */
  readonly joined: readonly PeerId[];
  readonly left: readonly PeerId[];
  /** What the members have decided about the run by its block, rounds counted from 1; absent where nothing. */
  readonly decided?: Decided["newest"];
  /** Whose updates after which round its state is mixed without; absent where nobody's. */
  readonly rolledBack?: { readonly without: PeerId; readonly to: number };
}

/** How many of the others said what of a member's update; those that did not hold it or found it unsound are left out. */
export interface OpinionsOf {
  readonly peer: PeerId;
  readonly helpful: number;
  readonly neutral: number;
  readonly harmful: number;
}

export interface ChainAudit {
  /** The rounds up to the first that cannot be read. */
  readonly byRound: readonly AuditedRound[];
  /** What is wrong, by round. */
  readonly problems: readonly string[];
  /** Members after the last round. */
  readonly members: readonly PeerId[];
}

/**
 * Checks final blocks from the run id on: every certificate and every ballot by its signatures, and that each block says
 * what follows from its ballots. Takes any bytes; never throws for them.
 */
export function auditChain(claim: ChainClaim): ChainAudit {
  const { run, from, chain, members } = claim;
  const { attackersMin = attackersMinOf("auto", members.length) } = claim;
  const check = new Signatures().check;
  const byRound: AuditedRound[] = [];
  const grounds: CutGround[] = [];
  const problems: string[] = [];
  let head = headAt(claim, check, (what) => problems.push(what));
  for (const bytes of chain) {
    const round = head.height + 1;
    const say = (what: string) => problems.push(`round ${round}: ${what}`);
    const entry = readAt(bytes, head.height);
    if (typeof entry === "string") {
      say(entry);
      const rest = from + chain.length - round;
      if (rest > 0) say(`the ${rest} after it were not checked`);
      break;
    }
    const ground = { ...groundOf(run, head.members), attackersMin, payloadBytes: null, head };
    for (const what of faultsOf(entry, { members: head.members.peers, check, ground })) say(what);
    const decided = decidedAfter(head.decided, entry.block);
    const after = { ...membersAfter(head, entry.block, membersOf(run)), decided };
    byRound.push(told(entry, head, after));
    grounds.push({ ...head, cut: entry.block.cut });
    const rollback = rollbackOf(entry.block);
    if (rollback !== null) mixAgain(byRound, grounds, rollback);
    const { checkpoint, norm, height } = entry.block;
    head = { height: height + 1, parent: entry.digest, checkpoint, norm, ...after };
  }
  return { byRound, problems, members: head.members.peers };
}

// --- internal ---

/** What a chain that is read from a height on stands on; null where only the blocks below would tell. */
type Ground = BlockGround["head"] & Pick<ChainHead, "levels" | "members">;

/** What follows from the blocks below a height. */
type Known = Pick<ChainHead, "members" | "levels" | "decided">;

function groundOf(run: Digest, { digest: roster, peers }: Members) {
  return { run, roster, peers, quorum: quorumOf(peers.length) };
}

function headAt(
  { run, members, start, from, levels, changes = [] }: ChainClaim,
  check: Signatures["check"],
  say: (what: string) => void,
): Ground {
  let known: Known = genesis(run, "", firstMembers(run, members));
  for (const bytes of from === 0 ? [] : changes) {
    const entry = decodeEntry(bytes);
    const signers = known.members.peers;
    const isSound =
      entry !== null &&
      entry.block.height < from &&
      verifyCertificate(entry.certificate, signers, check).verdict === "accept" &&
      verifyBlock(entry.block, signers, check).verdict === "accept";
    if (!isSound) {
      say("a change of the members or a decision below the first round is not by a quorum of them");
      break;
    }
    const decided = decidedAfter(known.decided, entry.block);
    known = { ...membersAfter(known, entry.block, membersOf(run)), decided };
  }
  const below = from === 0 ? { parent: run, checkpoint: start, norm: 0 } : UNKNOWN;
  const isByMember = levels === undefined || levels.length === known.members.peers.length;
  if (!isByMember) say("the trust below the first round is not by member");
  const trust = isByMember && levels !== undefined ? levels : known.levels;
  const { decided, members: peers } = known;
  return { height: from, ...below, members: peers, decided, levels: trust };
}

const UNKNOWN = { parent: null, checkpoint: null, norm: null };

/** The entry of a height, or why there is none. */
function readAt(bytes: ChainBytes, height: number): ChainEntry | string {
  const entry = decodeEntry(bytes);
  if (entry === null) return formTrouble(bytes.block) ?? misreading(bytes);
  const other = entry.block.height;
  return other === height ? entry : `in its place is the block of round ${other + 1}`;
}

/** Which of the two cannot be read, or that they are not of one another. */
function misreading({ block, certificate }: ChainBytes): string {
  const read = decodeBlock(block);
  if (read === null) return "the block is damaged";
  const size = read.ballots[0]?.opinions.length ?? 0;
  return decodeCertificate(certificate, size) === null
    ? "the certificate is damaged"
    : "the certificate is not of this block";
}

function* faultsOf(
  { block, certificate }: ChainEntry,
  from: {
    readonly members: readonly PeerId[];
    readonly check: Signatures["check"];
    readonly ground: BlockGround;
  },
): Generator<string> {
  const { members } = from;
  let liar: PeerId | null = null;
  const check: Signatures["check"] = (author, ...signed) => {
    const holds = from.check(author, ...signed);
    if (!holds) liar = author;
    return holds;
  };
  const named = (where: string, reason: string) =>
    reason === "bad-signature"
      ? `${where}: the signature of ${liar} does not hold`
      : `${where}: not by a quorum of the members`;
  const ofCertificate = verifyCertificate(certificate, members, check);
  if (ofCertificate.verdict !== "accept") yield named("the certificate", ofCertificate.reason);
  const ofBallots = verifyBlock(block, members, check);
  if (ofBallots.verdict !== "accept") yield named("its ballots", ofBallots.reason);
  const fault = blockFault(block, from.ground);
  if (fault !== null) yield `the block: ${fault}`;
}

/** With rounds counted from 1. */
function toldDecision({ newest }: Decided): Decided["newest"] {
  return newest && { ...newest, from: newest.from + 1 };
}

/** What the shares of a cut follow from. */
type CutGround = Pick<ChainHead, "height" | "levels" | "members"> & Pick<Block, "cut">;

/** From a height on, a member's updates count no more; where too few are left, nobody's do. */
function mixAgain(
  byRound: AuditedRound[],
  grounds: readonly CutGround[],
  { without, since }: Rollback,
): void {
  for (const [i, { height, levels, members, cut: whole }] of grounds.entries()) {
    const round = byRound[i];
    const place = members.peers.indexOf(without);
    if (height < since || !whole.includes(place) || round === undefined) continue;
    const cut = whole.filter((each) => each !== place);
    const isEnough = cut.length >= 2 * quorumOf(members.peers.length).faulty + 1;
    const contributors = isEnough ? contributorsOf({ levels, members, cut }) : [];
    byRound[i] = { ...round, contributors };
  }
}

function contributorsOf({ levels, members: { peers }, cut }: Omit<CutGround, "height">) {
  const shares = sharesOfCut(levels, cut, quorumOf(peers.length));
  const inCut = cut.map((place, i) => ({
    peer: peers[place] ?? `place ${place}`,
    share: shares[i] ?? 0,
  }));
  return inCut.filter(({ share }) => share > 0);
}

function told(
  { block, digest, certificate }: ChainEntry,
  below: Pick<ChainHead, "members" | "levels">,
  { members: { peers: next }, decided }: Pick<ChainHead, "members" | "decided">,
): AuditedRound {
  const { peers: members } = below.members;
  return {
    round: block.height + 1,
    block: digest,
    checkpoint: block.checkpoint,
    signers: certificate.signatures.length,
    contributors: contributorsOf({ ...below, cut: block.cut }),
    opinions: members.map((peer, place) => opinionsOf(block, peer, place)),
    joined: next.filter((peer) => !members.includes(peer)),
    left: members.filter((peer) => !next.includes(peer)),
    ...(block.decision?.kind === "set" ? { decided: toldDecision(decided) } : {}),
    ...(block.decision?.kind === "rollback" ? { rolledBack: rolledBack(block.decision) } : {}),
  };
}

function opinionsOf({ ballots }: Block, peer: PeerId, author: number): OpinionsOf {
  const said = ballots.flatMap(({ place, opinions }) => (place === author ? [] : opinions[author]));
  const count = (opinion: Opinion) => said.filter((each) => each === opinion).length;
  return { peer, helpful: count("helpful"), neutral: count("neutral"), harmful: count("harmful") };
}
