import { beforeAll, describe, expect, test } from "vitest";
import { decodeCanonical, encodeCanonical } from "../../../../src/gossip/canonical-cbor.ts";
import {
  digestOf,
  encodeBlock,
  generateIdentity,
  parseAgreement,
  type Statement,
  sealCertificate,
  sealStatement,
  signedBytes,
} from "../../../../src/gossip/index.ts";
import { publicKeyOf } from "../../../../src/gossip/keys/identity.ts";
import { Council, held, NAME } from "../../../support/agreement-samples.ts";

let council: Council;
/** One message of each kind that is changed below. */
const good = new Map<string, Uint8Array>();

beforeAll(async () => {
  council = await Council.of(7);
  const statements: Readonly<Record<string, Statement>> = {
    list: council.list(),
    ballot: council.ballot(),
    proposal: await council.proposal(),
    confirmation: council.confirmation(),
    notarize: council.vote("notarize"),
    finalize: council.vote("finalize"),
  };
  for (const [name, statement] of Object.entries(statements)) {
    good.set(name, (await council.sign(statement, 2)).bytes);
  }
  good.set("finalize certificate", (await council.sealed(council.vote("finalize"))).bytes);
});

const reasonOf = (bytes: Uint8Array) => {
  const verdict = parseAgreement(bytes, council.terms);
  return verdict.verdict === "accept" ? "accepted" : `${verdict.verdict}: ${verdict.reason}`;
};

/** A message with its envelope changed: version, kind, author, fields, signature (or bitmap, signatures). */
function changed(name: string, change: (envelope: unknown[]) => unknown[]): Uint8Array {
  return encodeCanonical(change(decodeCanonical(good.get(name) as Uint8Array) as unknown[]));
}
const withField = (name: string, index: number, value: unknown) =>
  changed(name, (envelope) => {
    const at = name.includes("certificate") ? 2 : 3;
    return envelope.with(at, (envelope[at] as unknown[]).with(index, value));
  });

const BAD: Readonly<Record<string, readonly [string, () => Uint8Array | Promise<Uint8Array>]>> = {
  "a vote of another run": [
    "ignore: other-run",
    () => withField("notarize", 0, new Uint8Array(32)),
  ],
  "a vote for a height that is not known": [
    "ignore: future-round",
    () => withField("notarize", 1, 10),
  ],
  "a vote of a stranger": [
    "ignore: not-member",
    async () => {
      const stranger = (await Council.of(8)).members.find(
        ({ peerId }) => !council.roster.includes(peerId),
      );
      const { signature } = await council.sign(council.vote("notarize"));
      return sealStatement(council.vote("notarize"), stranger?.peerId ?? "", signature, 7).bytes;
    },
  ],
  "a vote under another member's name": [
    "reject: bad-signature",
    async () => {
      const { statement, signature } = await council.sign(council.vote("notarize"), 1);
      return sealStatement(statement, council.roster[2] ?? "", signature, 7).bytes;
    },
  ],
  "a vote of another kind with its signature": [
    "reject: bad-signature",
    () => withField("notarize", 4, 2),
  ],
  "a vote that nullifies a block": ["reject: malformed", () => withField("notarize", 4, 1)],
  "a vote that finalizes nothing": ["reject: malformed", () => withField("finalize", 5, null)],
  "a vote of a fourth kind": ["reject: malformed", () => withField("notarize", 4, 3)],
  "a list whose bitmap is that of another roster": [
    "reject: malformed",
    () => withField("list", 3, new Uint8Array(2)),
  ],
  "a list of places beyond the roster": [
    "reject: malformed",
    () => withField("list", 3, Uint8Array.of(0b1001_1111)),
  ],
  "a list with a digest too few": [
    "reject: malformed",
    () => withField("list", 4, new Uint8Array(32)),
  ],
  "a list of other payloads": [
    "reject: bad-signature",
    () => withField("list", 4, new Uint8Array(32 * 5)),
  ],
  "a ballot of the wrong size": [
    "reject: malformed",
    () => withField("ballot", 3, Uint8Array.of(1, 2, 3, 1, 2, 3, 0, 0)),
  ],
  "a ballot of an opinion that there is not": [
    "reject: malformed",
    () => withField("ballot", 3, Uint8Array.of(9, 2, 3, 1, 2, 3, 0)),
  ],
  "a ballot with half a digest": [
    "reject: malformed",
    () => withField("ballot", 4, new Uint8Array(16)),
  ],
  "a proposal without its block": ["reject: malformed", () => withField("proposal", 5, null)],
  "a proposal of another block": [
    "reject: digest-mismatch",
    async () => withField("proposal", 5, encodeBlock({ ...(await council.block()), norm: 7 })),
  ],
  "a confirmation that brings a block": ["reject: malformed", () => withField("proposal", 6, 0)],
  "a confirmation of its own view": ["reject: malformed", () => withField("confirmation", 6, 2)],
  "a certificate of fewer than a quorum": [
    "reject: malformed",
    async () => (await council.sealed(council.vote("finalize"), [0, 1, 2, 3])).bytes,
  ],
  "a certificate with a signature twice": [
    "reject: bad-signature",
    async () => {
      const certificate = await council.certificate(council.vote("finalize"));
      const [first, , ...rest] = certificate.signatures;
      const again = { place: 1, signature: first?.signature ?? new Uint8Array(64) };
      const signatures = [first ?? again, again, ...rest];
      return sealCertificate({ ...certificate, signatures }, 7).bytes;
    },
  ],
  "a certificate with a signature of another vote": [
    "reject: bad-signature",
    async () => {
      const certificate = await council.certificate(council.vote("finalize"));
      const other = (await council.certificate(council.vote("finalize", 1))).signatures[4];
      const signatures = certificate.signatures.with(
        4,
        other ?? { place: 4, signature: new Uint8Array(64) },
      );
      return sealCertificate({ ...certificate, signatures }, 7).bytes;
    },
  ],
  "a certificate signed beyond the roster": [
    "reject: malformed",
    () =>
      changed("finalize certificate", (envelope) => envelope.with(3, Uint8Array.of(0b1000_1111))),
  ],
  "a certificate with more signatures than signers": [
    "reject: malformed",
    () =>
      changed("finalize certificate", (envelope) =>
        envelope.with(4, Buffer.concat([envelope[4] as Uint8Array, new Uint8Array(64)])),
      ),
  ],
  "a certificate of a million empty signers": [
    "reject: malformed",
    () =>
      changed("finalize certificate", (envelope) => envelope.with(3, new Uint8Array(1_000_000))),
  ],
};

/** Proposals, signed rightly, of blocks that are wrong. */
const BAD_BLOCKS: Readonly<Record<string, readonly [string, () => Promise<Uint8Array>]>> = {
  "of another height": [
    "reject: malformed",
    async () => {
      const block = await council.block({ name: { ...NAME, height: 4 } });
      return proposing(encodeBlock(block));
    },
  ],
  "of another parent": [
    "reject: malformed",
    async () => {
      const block = await council.block({ name: { ...NAME, parent: NAME.run } });
      return proposing(encodeBlock(block));
    },
  ],
  "of another roster": [
    "reject: malformed",
    async () => proposing(encodeBlock({ ...(await council.block()), roster: NAME.run })),
  ],
  "with fewer ballots than a quorum": [
    "reject: malformed",
    async () => proposing(encodeBlock(await council.block({ places: [0, 1, 2, 3] }))),
  ],
  "with a ballot that its author did not sign": [
    "reject: bad-signature",
    async () => {
      const block = await council.block();
      const [first, second, ...rest] = block.ballots;
      if (first === undefined || second === undefined) throw new Error("the sample has ballots");
      const forged = { ...second, signature: first.signature };
      return proposing(encodeBlock({ ...block, ballots: [first, forged, ...rest] }));
    },
  ],
  "with a ballot that holds another payload": [
    "reject: bad-signature",
    async () => {
      const block = await council.block();
      const payloads = block.payloads.with(0, { ...held(0, 9), bytes: 1 });
      const ballots = block.ballots.map((ballot) => ({
        ...ballot,
        held: ballot.held.with(0, held(0, 9)),
      }));
      return proposing(encodeBlock({ ...block, payloads, ballots }));
    },
  ],
  "with a million entries of evidence": [
    "reject: malformed",
    async () => {
      const fields = decodeCanonical(encodeBlock(await council.block())) as unknown[];
      return proposing(encodeCanonical(fields.with(10, new Array(1_000_000).fill(0))));
    },
  ],
  "that is none": ["reject: malformed", async () => proposing(new Uint8Array(1000))],
};

/** A proposal of these bytes, signed by the first member as if they were sound. */
async function proposing(body: Uint8Array): Promise<Uint8Array> {
  const block = digestOf(body);
  const proposal = {
    kind: "proposal",
    ...NAME,
    view: 0,
    block,
    body: null,
    confirms: null,
  } as const;
  const { key, peerId } = council.members[0] ?? (await generateIdentity());
  const signature = Uint8Array.from(await key.sign(signedBytes(proposal, 7)));
  const name = [NAME.run, NAME.parent, block].map((digest) => Buffer.from(digest, "hex"));
  const fields = [name[0], NAME.height, name[1], 0, name[2], body, null];
  return encodeCanonical([1, 2, publicKeyOf(peerId).raw, fields, signature]);
}

describe("what a member has no right to say", () => {
  test.each(Object.entries(BAD))("%s", async (_, [reason, make]) => {
    expect(reasonOf(await make())).toBe(reason);
  });

  test.each(Object.entries(BAD_BLOCKS))("a block %s", async (_, [reason, make]) => {
    expect(reasonOf(await make())).toBe(reason);
  });

  test("a sound block is one that it may propose (control)", async () => {
    expect(reasonOf(await proposing(encodeBlock(await council.block())))).toBe("accepted");
  });
});
