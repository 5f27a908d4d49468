import type { PeerId, Reason, Verdict } from "../../types.ts";
import { announcedBytes, readBody } from "../announcements/announcement.ts";
import type { ChainOutcome } from "../contract.ts";
import { voteOf } from "./certificate.ts";
import type { ChainEntry } from "./chain-page.ts";
import { isDecisionSigned } from "./decision.ts";
import { areRising, rosterDigest } from "./fields.ts";
import { areSignedBy } from "./member-signatures.ts";
import type { AgreementTerms, Block, Certificate, Contradiction, Testimony } from "./messages.ts";
import { quorumOf } from "./quorum.ts";
import { isChangeSigned } from "./roster-change.ts";
import { type CheckSignature, Signatures } from "./signatures.ts";
import { signedBytes } from "./statement.ts";

/** Whether a quorum of these members has signed what the certificate says. */
export function verifyCertificate(
  certificate: Certificate,
  roster: readonly PeerId[],
  check: CheckSignature = new Signatures().check,
): Verdict<void> {
  const { signatures } = certificate;
  const places = signatures.map(({ place }) => place);
  if (!areRising(places, roster.length) || places.length < quorumOf(roster.length)) {
    return refused("malformed");
  }
  const signed = signedBytes(voteOf(certificate), roster.length);
  return areSignedBy(roster, signed, signatures, check) ? SOUND : refused("bad-signature");
}

/**
 * Whether a block is of this roster, and has a quorum of ballots that their authors signed. Whether it says what
 * follows from them (cut, norm, checkpoint) is for the protocol to judge.
 */
export function verifyBlock(
  block: Block,
  roster: readonly PeerId[],
  check: CheckSignature = new Signatures().check,
): Verdict<void> {
  const { run, height, parent, ballots } = block;
  const places = ballots.map(({ place }) => place);
  const isWhole =
    places.length >= quorumOf(roster.length) &&
    areRising(places, roster.length) &&
    ballots.every(({ opinions }) => opinions.length === roster.length) &&
    block.roster === rosterDigest(roster);
  if (!isWhole) return refused("malformed");
  const isSigned = ballots.every(({ place, opinions, held, signature }) => {
    const ballot = { kind: "ballot", run, height, parent, opinions, held } as const;
    return check(roster[place] as PeerId, signedBytes(ballot, roster.length), signature);
  });
  const areChangesSigned = () =>
    block.rosterChanges.every((each) => isChangeSigned(each, roster, check)) &&
    (block.decision === null || isDecisionSigned(block.decision, roster, check));
  return isSigned && isEvidenceSigned(block.evidence, roster, check) && areChangesSigned()
    ? SOUND
    : refused("bad-signature");
}

/** A page of a chain with every signature checked; one that a quorum has not signed fails as a whole. */
export function verifiedChain(
  outcome: ChainOutcome,
  { rosterAt, rosterAfter = (_, roster) => roster }: AgreementTerms,
  check: CheckSignature = new Signatures().check,
): ChainOutcome {
  if (!outcome.ok) return outcome;
  let next = outcome.entries[0] ? rosterAt(outcome.entries[0].block.height) : null;
  const isSound = ({ block, certificate }: ChainEntry): boolean => {
    const roster = next;
    const isSigned =
      roster !== null &&
      verifyCertificate(certificate, roster, check).verdict === "accept" &&
      verifyBlock(block, roster, check).verdict === "accept";
    if (isSigned) next = rosterAfter(block, roster);
    return isSigned;
  };
  if (outcome.entries.every(isSound)) return outcome;
  return { ok: false, failure: "malformed", detail: "a block that no quorum has signed" };
}

// --- internal ---

const SOUND: Verdict<void> = { verdict: "accept", value: undefined };

/** Whether every member that evidence names has signed both things. What they prove is for the protocol to judge. */
function isEvidenceSigned(
  evidence: readonly Contradiction[],
  roster: readonly PeerId[],
  check: CheckSignature,
): boolean {
  return evidence.every(({ place, first, second }) => {
    const author = roster[place];
    return author !== undefined && [first, second].every((each) => isSaidBy(author, each));
  });

  function isSaidBy(author: PeerId, { statement, signature }: Testimony): boolean {
    if (statement.kind !== "announcement") {
      return check(author, signedBytes(statement, roster.length), signature);
    }
    const isOwn = readBody(statement.body)?.author === author;
    return isOwn && check(author, announcedBytes(statement.body), signature);
  }
}

function refused(reason: Reason): Verdict<void> {
  return { verdict: "reject", reason };
}
