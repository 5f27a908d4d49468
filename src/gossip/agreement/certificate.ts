import { z } from "zod";
import { decodeCanonical, encodeCanonical } from "../canonical-cbor.ts";
import { MAX_ENVELOPE_ITEMS, outOfBounds } from "./fields.ts";
import { decodeSignatures, encodeSignatures, signatureFields } from "./member-signatures.ts";
import type { Certificate, SealedCertificate, Vote } from "./messages.ts";
import { decodeVote, encodeStatement, STATEMENT_FIELDS, WIRE_KINDS } from "./statement.ts";

export const WIRE_VERSION = 1;

/** Version, kind, the fields of the vote, who signed, and the signatures by place. */
export const certificateSchema = z.tuple([
  z.literal(WIRE_VERSION),
  z.literal(WIRE_KINDS.indexOf("certificate")),
  STATEMENT_FIELDS.vote,
  ...signatureFields,
]);

/**
 * A certificate as it travels.
 *
 * @param size - Members of the roster.
 * @throws KlatchError `data` when no peer would take it.
 */
export function sealCertificate(certificate: Certificate, size: number): SealedCertificate {
  const bytes = encodeCanonical([
    WIRE_VERSION,
    WIRE_KINDS.indexOf("certificate"),
    encodeStatement(voteOf(certificate), size),
    ...encodeSignatures(certificate.signatures, size),
  ]);
  const parsed = certificateSchema.safeParse(decodeCanonical(bytes, MAX_ENVELOPE_ITEMS));
  if (!parsed.success || certificateOf(parsed.data, size) === null) {
    throw outOfBounds(`A certificate of round ${certificate.height + 1}`);
  }
  return { certificate, bytes };
}

/** Reads a certificate of a roster of `size` members; null when it is malformed. Checks no signature; never throws. */
export function decodeCertificate(bytes: Uint8Array, size: number): Certificate | null {
  const parsed = certificateSchema.safeParse(decodeCanonical(bytes, MAX_ENVELOPE_ITEMS));
  return parsed.success ? certificateOf(parsed.data, size) : null;
}

/** The certificate of these fields; null where they do not fit together. */
export function certificateOf(
  fields: z.output<typeof certificateSchema>,
  size: number,
): Certificate | null {
  const [, , voted, bitmap, parts] = fields;
  const vote = decodeVote(voted);
  const signatures = decodeSignatures(bitmap, parts, size);
  if (vote === null || signatures === null) return null;
  return {
    kind: "certificate",
    ...{ run: vote.run, height: vote.height, parent: vote.parent },
    ...{ vote: vote.kind, view: vote.view, block: vote.block },
    signatures,
  };
}

/** The vote that all who signed a certificate have given. */
export function voteOf({ run, height, parent, view, vote, block }: Certificate): Vote {
  return { kind: vote, run, height, parent, view, block };
}

/** What a certificate of a run says, whoever has signed it: equal texts for those of which one is enough. */
export function saidBy({ height, parent, vote, view, block }: Certificate): string {
  return [height, parent, vote, view, block].join("/");
}
