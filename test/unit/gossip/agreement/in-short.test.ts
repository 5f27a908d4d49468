import { beforeAll, describe, expect, it } from "vitest";
import { encodeCanonical } from "../../../../src/gossip/canonical-cbor.ts";
import {
  blockDigest,
  type HeldPayload,
  inShort,
  type KnownParts,
  NOTHING_KNOWN,
  parseAgreement,
  type Statement,
} from "../../../../src/gossip/index.ts";
import { Council, held } from "../../../support/agreement-samples.ts";

let council: Council;
let known: KnownParts;

beforeAll(async () => {
  council = await Council.of(10);
  const { ballots } = await council.block();
  known = {
    announced: (place) => held(place).payload,
    ballot: (place) => ballots.find((ballot) => ballot.place === place),
  };
});

async function short(statement: Statement) {
  const signed = await council.sign(statement);
  return { signed, bytes: inShort(signed.bytes) };
}

const parse = (bytes: Uint8Array, parts: KnownParts | null) =>
  parseAgreement(bytes, council.terms, { known: () => parts });

describe("a list, a ballot and a proposal in short", () => {
  it("are of a few hundred bytes, and the same as in full where all is known", async () => {
    for (const statement of [council.list(), council.ballot(), await council.proposal()]) {
      const { signed, bytes } = await short(statement);
      expect(bytes.byteLength).toBeLessThan(400);
      expect(parse(bytes, known)).toEqual({ verdict: "accept", value: signed });
      expect(parse(signed.bytes, null)).toEqual({ verdict: "accept", value: signed });
    }
  });

  it("are 500 bytes of 200 members, where in full they are many times that", async () => {
    const large = await Council.of(200);
    for (const statement of [large.list(), large.ballot(), await large.proposal()]) {
      const { bytes } = await large.sign(statement);
      expect(bytes.byteLength).toBeGreaterThan(4000);
      expect(inShort(bytes).byteLength).toBeLessThan(500);
    }
  });

  it("say less than is known where something is missing or another was announced", async () => {
    const incomplete = { verdict: "ignore", reason: "in-short" };
    const others: readonly KnownParts[] = [
      NOTHING_KNOWN,
      {
        announced: (place) => (place === 1 ? undefined : known.announced(place)),
        ballot: (place) => (place === 1 ? undefined : known.ballot(place)),
      },
      {
        announced: (place) => held(place, place === 1 ? 7 : 0).payload,
        ballot: (place) => known.ballot(place === 1 ? 2 : place),
      },
    ];
    for (const statement of [council.list(), council.ballot(), await council.proposal()]) {
      const { bytes } = await short(statement);
      for (const parts of others) expect(parse(bytes, parts)).toEqual(incomplete);
    }
  });

  it("are of no use once the height is over", async () => {
    const { bytes } = await short(council.list());
    expect(parse(bytes, null)).toEqual({ verdict: "ignore", reason: "past-round" });
  });

  it("are refused where one byte is another, before anything is looked up", async () => {
    const asked: number[] = [];
    const announced = (place: number) => {
      asked.push(place);
      return known.announced(place);
    };
    const { bytes } = await short(council.list());
    for (let at = 0; at < bytes.byteLength; at += 1) {
      const other = bytes.with(at, (bytes[at] ?? 0) ^ 1);
      expect(parse(other, { ...known, announced }).verdict).not.toBe("accept");
    }
    expect(asked).toEqual([]);
  });

  it("are malformed where they are of a roster of another size", async () => {
    const other = await Council.of(17);
    const place = other.roster.indexOf(council.roster[0] ?? "");
    for (const statement of [other.list(), other.ballot()]) {
      // signed by a member, so that its signature holds
      const { bytes } = await other.sign(statement, place);
      expect(parse(inShort(bytes), known)).toEqual({ verdict: "reject", reason: "malformed" });
    }
  });

  it("stay whole where they cannot be shortened: votes, confirmations, sizes that differ, and what is none", async () => {
    const body = await council.block();
    const [first, ...rest] = body.payloads;
    if (first === undefined) throw new Error("the block has payloads");
    const uneven = { ...body, payloads: [{ ...first, bytes: 7 }, ...rest] };
    const proposal = { ...(await council.proposal()), body: uneven, block: blockDigest(uneven) };
    for (const statement of [council.vote("notarize"), council.confirmation(), proposal]) {
      const { bytes } = await council.sign(statement);
      expect(inShort(bytes)).toBe(bytes);
    }
    for (const bytes of [new Uint8Array(), Uint8Array.of(0x85, 1, 0), encodeCanonical([1, 2])]) {
      expect(inShort(bytes)).toBe(bytes);
    }
  });

  it("tell of two payloads of one author which one is held", async () => {
    const two = await council.block({ variants: 2 });
    const proposal = { ...(await council.proposal()), body: two, block: blockDigest(two) };
    const { signed, bytes } = await short(proposal);
    const ballot = (place: number) => two.ballots.find((each) => each.place === place);
    expect(parse(bytes, { ...known, ballot })).toEqual({ verdict: "accept", value: signed });
    const alike = (all: readonly HeldPayload[]) => all.filter(({ place }) => place === 0);
    expect(alike(two.payloads)).toHaveLength(2);
  });
});
