import type { Ed25519PrivateKey } from "@libp2p/interface";
import { z } from "zod";
import type { PeerId } from "../../types.ts";
import { decodeCanonical, encodeCanonical } from "../canonical-cbor.ts";
import { peerIdOf, publicKeyOf } from "../keys/identity.ts";
import { certificateSchema, WIRE_VERSION } from "./certificate.ts";
import { bytesOf, MAX_ENVELOPE_ITEMS, outOfBounds, signatureField } from "./fields.ts";
import type { SignedStatement, Statement } from "./messages.ts";
import {
  decodeBallot,
  decodeList,
  decodeProposal,
  decodeVote,
  encodeStatement,
  STATEMENT_FIELDS,
  signedBytes,
  WIRE_KINDS,
  wireKindOf,
} from "./statement.ts";

type StatementKind = keyof typeof STATEMENT_FIELDS;

/** Version, kind, the author's public key, the fields of the kind, signature. */
const statementSchema = <const Kind extends StatementKind>(kind: Kind) =>
  z.tuple([
    z.literal(WIRE_VERSION),
    z.literal(WIRE_KINDS.indexOf(kind)).transform(() => kind),
    bytesOf(32).transform(peerIdOf),
    STATEMENT_FIELDS[kind],
    signatureField,
  ]);
const schemas = [
  statementSchema("list"),
  statementSchema("ballot"),
  statementSchema("proposal"),
  statementSchema("vote"),
  certificateSchema,
] as const;
export type Envelope = z.output<(typeof schemas)[number]>;
export type StatementEnvelope = Exclude<Envelope, z.output<typeof certificateSchema>>;

/** Reads a message as far as it can be read without a roster; null when it is malformed. Never throws. */
export function openEnvelope(bytes: Uint8Array): Envelope | null {
  const value = decodeCanonical(bytes, MAX_ENVELOPE_ITEMS);
  const kind: unknown = Array.isArray(value) ? value[1] : undefined;
  const schema = typeof kind === "number" ? schemas[kind] : undefined;
  return schema?.safeParse(value).data ?? null;
}

/** The statement of an envelope, a proposal without its block; null where its fields do not fit together. */
export function statementIn(envelope: StatementEnvelope, size: number): Statement | null {
  switch (envelope[1]) {
    case "list":
      return decodeList(envelope[3], size);
    case "ballot":
      return decodeBallot(envelope[3], size);
    case "proposal":
      return decodeProposal(envelope[3]);
    case "vote":
      return decodeVote(envelope[3]);
  }
}

/**
 * Signs a statement with the author's key.
 *
 * @param size - Members of the roster.
 * @throws KlatchError `data` when no peer would take it.
 */
export async function signStatement<S extends Statement>(
  statement: S,
  { author, key }: { readonly author: PeerId; readonly key: Ed25519PrivateKey },
  size: number,
): Promise<SignedStatement<S>> {
  const signature = await key.sign(signedBytes(statement, size));
  return sealStatement(statement, author, Uint8Array.from(signature), size);
}

/**
 * A statement with a signature, as it travels.
 *
 * @throws KlatchError `data` when no peer would take it.
 */
export function sealStatement<S extends Statement>(
  statement: S,
  author: PeerId,
  signature: Uint8Array,
  size: number,
): SignedStatement<S> {
  const kind = WIRE_KINDS.indexOf(wireKindOf(statement));
  const fields = encodeStatement(statement, size);
  const key = publicKeyOf(author).raw;
  const bytes = encodeCanonical([WIRE_VERSION, kind, key, fields, signature]);
  const envelope = openEnvelope(bytes);
  const isSound =
    envelope?.length === 5 && statementIn(envelope as StatementEnvelope, size) !== null;
  if (!isSound) {
    throw outOfBounds(`A ${statement.kind} of round ${statement.height + 1}`);
  }
  return { author, statement, signature, bytes };
}
