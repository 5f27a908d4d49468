import type { PeerId, Reason, Verdict } from "../../types.ts";
import { digestOf } from "../payloads/digest.ts";
import { decodeBlock, MAX_BLOCK_BYTES } from "./block.ts";
import { certificateOf } from "./certificate.ts";
import { type Envelope, openEnvelope, type StatementEnvelope, statementIn } from "./envelope.ts";
import { isShort, type KnownParts, NOTHING_KNOWN, readShort } from "./in-short.ts";
import type {
  AgreementMessage,
  AgreementTerms,
  Block,
  Certificate,
  HeightName,
  Proposal,
  SignedStatement,
  Statement,
} from "./messages.ts";
import { type CheckSignature, Signatures } from "./signatures.ts";
import { signedBytes } from "./statement.ts";
import { verifyBlock, verifyCertificate } from "./verify.ts";

/** Largest message: a proposal with its block. */
export const MAX_AGREEMENT_BYTES = MAX_BLOCK_BYTES + 1024;

export type Fault = Extract<Verdict<never>, { readonly reason: Reason }>;

export interface ParseOptions {
  readonly check?: CheckSignature;
  /**
   * Asked before what costs most, the signatures of a certificate and the block of a proposal; a statement's own
   * signature holds by then. Why to go no further; null to go on.
   */
  readonly glance?: (message: Certificate | Said) => Fault | null;
  /** What is known of a height, for what comes in short; null where it is over. */
  readonly known?: (name: HeightName) => KnownParts | null;
}

/** Who says something of which kind about which height. */
export interface Said {
  readonly author: PeerId;
  readonly statement: Pick<Statement, "kind" | "height">;
}

/**
 * The door for what members say about a height: size, form, bounds, membership and every signature, those inside of
 * blocks and certificates too. What a message means for the height is for others to judge. Takes any bytes; never
 * throws.
 *
 * What is rejected every receiver finds alike: the roster of a height is agreed, as the height below is.
 */
export function parseAgreement(
  bytes: Uint8Array,
  terms: AgreementTerms,
  options: ParseOptions = {},
): Verdict<AgreementMessage> {
  let height = -1;
  const rosterAt = (asked: number) => {
    height = asked;
    return terms.rosterAt(asked);
  };
  const verdict = parseAs(bytes, { run: terms.run, rosterAt }, options);
  const isGuess = height >= 0 && terms.isCertain?.(height) === false;
  // the members of that height may be others: whoever hands it on is not at fault
  return verdict.verdict === "reject" && isGuess ? refused("ignore", "future-round") : verdict;
}

function parseAs(
  bytes: Uint8Array,
  terms: AgreementTerms,
  given: ParseOptions,
): Verdict<AgreementMessage> {
  const {
    check = new Signatures().check,
    glance = () => null,
    known = () => NOTHING_KNOWN,
  } = given;
  if (bytes.byteLength > MAX_AGREEMENT_BYTES) return refused("reject", "too-large");
  if (!isShort(bytes)) return parseWhole(bytes, terms, { check, glance });
  const whole = wholeOf(bytes, terms, { check, glance, known });
  return whole instanceof Uint8Array
    ? parseWhole(whole, terms, { check, glance: () => null })
    : whole;
}

/** The message that came in short; why not where that is not to be had. Its author pays before it is put together. */
export function wholeOf(
  bytes: Uint8Array,
  { run, rosterAt, isCertain = () => true }: AgreementTerms,
  { check, glance, known }: Required<ParseOptions>,
): Uint8Array | Fault {
  const short = readShort(bytes);
  if (short === null) return refused("reject", "malformed");
  const { author, kind, height, signed, signature } = short;
  if (short.run !== run) return refused("ignore", "other-run");
  const roster = rosterAt(height);
  if (roster === null) return refused("ignore", "future-round");
  if (!roster.includes(author)) return refused("ignore", "not-member");
  if (!check(author, signed, signature)) return refused("reject", "bad-signature");
  const fault = glance({ author, statement: { kind, height } });
  if (fault !== null) return fault;
  const parts = known(short);
  if (parts === null) return refused("ignore", "past-round");
  const whole = short.inFull(parts, roster.length);
  if (whole === "malformed") {
    return isCertain(height) ? refused("reject", "malformed") : refused("ignore", "future-round");
  }
  return whole === "unknown" ? refused("ignore", "in-short") : whole;
}

// --- internal ---

type WholeOptions = Required<Omit<ParseOptions, "known">>;

function parseWhole(
  bytes: Uint8Array,
  { run, rosterAt }: AgreementTerms,
  { check, glance }: WholeOptions,
): Verdict<AgreementMessage> {
  const envelope = openEnvelope(bytes);
  if (envelope === null) return refused("reject", "malformed");
  const [theirs, height] = isCertificate(envelope) ? envelope[2] : envelope[3];
  if (theirs !== run) return refused("ignore", "other-run");
  const roster = rosterAt(height);
  if (roster === null) return refused("ignore", "future-round");
  // a copy: the input is a view of a whole network message, which would be kept alive with it
  const own = Uint8Array.from(bytes);
  if (!isCertificate(envelope)) return parseStatement(envelope, own, roster, { check, glance });
  const certificate = certificateOf(envelope, roster.length);
  if (certificate === null) return refused("reject", "malformed");
  const verdict = glance(certificate) ?? verifyCertificate(certificate, roster, check);
  return verdict.verdict === "accept" ? accepted({ certificate, bytes: own }) : verdict;
}

type CertificateEnvelope = Exclude<Envelope, StatementEnvelope>;

function isCertificate(envelope: Envelope): envelope is CertificateEnvelope {
  return typeof envelope[1] === "number";
}

function parseStatement(
  envelope: StatementEnvelope,
  bytes: Uint8Array,
  roster: readonly PeerId[],
  { check, glance }: WholeOptions,
): Verdict<SignedStatement> {
  const [, , author, , signature] = envelope;
  // who is a member of the next height may be known to others first
  if (!roster.includes(author)) return refused("ignore", "not-member");
  const statement = statementIn(envelope, roster.length);
  if (statement === null) return refused("reject", "malformed");
  if (!check(author, signedBytes(statement, roster.length), signature)) {
    return refused("reject", "bad-signature");
  }
  const signed: SignedStatement = { author, statement, signature, bytes };
  const fault = glance(signed);
  if (fault !== null) return fault;
  if (envelope[1] !== "proposal" || statement.kind !== "proposal") return accepted(signed);
  const whole = withBody(statement, envelope[3][5], roster, check);
  return "verdict" in whole ? whole : accepted({ ...signed, statement: whole });
}

/** The proposal with its block, which is read only now: its author has signed its digest. */
function withBody(
  proposal: Proposal,
  bytes: Uint8Array | null,
  roster: readonly PeerId[],
  check: CheckSignature,
): Proposal | Fault {
  if (bytes === null) return proposal;
  if (digestOf(bytes) !== proposal.block) return refused("reject", "digest-mismatch");
  const body = decodeBlock(bytes);
  if (body === null || !isOfHeight(body, proposal)) return refused("reject", "malformed");
  const verdict = verifyBlock(body, roster, check);
  return verdict.verdict === "accept" ? { ...proposal, body } : verdict;
}

function isOfHeight(block: Block, { run, height, parent }: Proposal): boolean {
  return block.run === run && block.height === height && block.parent === parent;
}

function accepted<T>(value: T): Verdict<T> {
  return { verdict: "accept", value };
}

function refused(verdict: "ignore" | "reject", reason: Reason): Fault {
  return { verdict, reason };
}
