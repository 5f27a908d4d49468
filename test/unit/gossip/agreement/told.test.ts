import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { asMeant, asTold } from "../../../../src/gossip/agreement/told.ts";
import { encodeCanonical } from "../../../../src/gossip/canonical-cbor.ts";
import { inShort, parseAgreement, type SignedStatement } from "../../../../src/gossip/index.ts";
import type { PeerId } from "../../../../src/types.ts";
import { Council, NAME } from "../../../support/agreement-samples.ts";

const { run } = NAME;

let council: Council;
let signed: SignedStatement[];

beforeAll(async () => {
  council = await Council.of(10);
  const said = [
    council.list(),
    council.ballot(),
    await council.proposal(),
    council.vote("nullify"),
  ];
  signed = await Promise.all(said.map((statement) => council.sign(statement, 1)));
});

describe("a message told straight", () => {
  it("is meant as it was made, and takes 69 bytes less", () => {
    for (const { author, bytes } of signed) {
      const short = inShort(bytes);
      const told = asTold(short);
      expect(asMeant(told, { author, run })).toEqual(short);
      expect(short.byteLength - told.byteLength).toBe(69);
    }
  });

  it("is meant as it was made where it is a certificate, whoever tells it", async () => {
    const { bytes } = await council.sealed(council.vote("finalize"));
    for (const author of council.roster) {
      expect(asMeant(asTold(bytes), { author, run })).toEqual(bytes);
    }
  });

  it("does not hold where another member tells it, or of another run", () => {
    const [author, other] = [council.roster[1], council.roster[2]] as [PeerId, PeerId];
    const verdictOf = (told: Uint8Array, teller: { author: PeerId; run: string }) => {
      const terms = { ...council.terms, run: teller.run };
      return parseAgreement(asMeant(told, teller) ?? new Uint8Array(), terms);
    };
    for (const { bytes } of signed) {
      expect(verdictOf(asTold(bytes), { author, run })).toMatchObject({ verdict: "accept" });
      const refusal = { verdict: "reject", reason: "bad-signature" };
      expect(verdictOf(asTold(bytes), { author: other, run })).toEqual(refusal);
      expect(verdictOf(asTold(bytes), { author, run: NAME.parent })).toEqual(refusal);
    }
  });

  it("is none where it has no fields, and never throws", () => {
    const teller = { author: council.roster[0] as PeerId, run };
    for (const value of [7, [], [3], [3, 4, 5], { 0: 3, 1: [] }]) {
      expect(asMeant(encodeCanonical(value), teller)).toBeNull();
    }
    const cbor = fc.jsonValue({ maxDepth: 3 }).map(encodeCanonical);
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), cbor), (bytes) => {
        const meant = asMeant(bytes, teller);
        expect(meant === null || parseAgreement(meant, council.terms).verdict).not.toBe("accept");
      }),
      { numRuns: 2000 },
    );
  });
});
