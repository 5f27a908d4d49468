import { asTold } from "../../src/gossip/agreement/told.ts";
import { decodeCanonical, encodeCanonical } from "../../src/gossip/canonical-cbor.ts";
import {
  type Block,
  blockDigest,
  digestOf,
  encodeBlock,
  type Identity,
  inShort,
  parseAgreement,
  rosterDigest,
  type Statement,
  signedBytes,
} from "../../src/gossip/index.ts";
import type { PeerId } from "../../src/types.ts";
import { Council, NAME } from "./agreement-samples.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** What a second implementation of mode agreed's messages is tried with: all of it follows from the seeds. */
export async function agreementVectors() {
  const council = await Council.of(4);
  const members = council.members.map(({ key, peerId }) => ({
    peerId,
    seed: hex(key.raw.subarray(0, 32)),
    publicKey: hex(key.publicKey.raw),
  }));
  return {
    about:
      "Bytes in hexadecimal. Places are those of `roster`, which is sorted by peer id; seeds are of RFC 8032.",
    run: NAME.run,
    roster: members,
    rosterDigest: rosterDigest(council.roster),
    blocks: await blocks(council),
    messages: await messages(council),
    refused: await refused(council),
  };
}

// --- internal ---

async function blocks(council: Council) {
  const samples = {
    "a quorum of ballots": await council.block(),
    "an author with two payloads": await council.block({ variants: 2 }),
    "evidence of each form": await withEvidence(council),
    "changes of the roster": await withChanges(council),
    "a rollback": {
      ...(await council.block()),
      decision: await council.decision({
        ...{ kind: "rollback", number: 1, without: council.roster[2] as PeerId, since: 1 },
      }),
    },
    "a decision": {
      ...(await council.block()),
      decision: await council.decision({ kind: "set", number: 0, rounds: 80, steps: 30, from: 60 }),
    },
  };
  return Object.entries(samples).map(([name, block]) => ({
    name,
    block: plain(block),
    bytes: hex(encodeBlock(block)),
    digest: blockDigest(block),
  }));
}

/** A block that names what three members have signed: two announcements, two lists, a proposal each, votes. */
async function withEvidence(council: Council): Promise<Block> {
  const elsewhere = { ...council.confirmation(), block: digestOf(Buffer.from("elsewhere")) };
  const evidence = [
    await council.twoAnnouncements(0),
    await council.contradiction(1, council.list([0, 1]), council.ballot()),
    await council.contradiction(2, council.confirmation(), elsewhere),
    await council.contradiction(3, council.vote("finalize"), council.vote("nullify")),
  ];
  return { ...(await council.block()), cut: [], evidence };
}

/** A block that adds a member, removes one, and gives one another key: more than four members may do at once. */
async function withChanges(council: Council): Promise<Block> {
  const [leaving, turning] = council.roster as [PeerId, PeerId];
  const [guest, next] = (await Council.of(6)).members.filter(
    ({ peerId }) => !council.roster.includes(peerId),
  ) as [Identity, Identity];
  const rosterChanges = [
    await council.change("add", { peer: guest.peerId, fresh: guest }),
    await council.change("remove", { peer: leaving }),
    await council.change("rotate", { peer: turning, fresh: next }),
  ];
  const sorted = rosterChanges.sort((a, b) => (a.peer < b.peer ? -1 : 1));
  return { ...(await council.block()), rosterChanges: sorted };
}

async function messages(council: Council) {
  const samples: readonly (readonly [number, Statement])[] = [
    [0, council.list()],
    [1, council.ballot()],
    [3, await council.proposal()],
    [1, council.confirmation()],
    [2, council.vote("notarize")],
    [0, council.vote("nullify", 1)],
    [3, council.vote("finalize")],
  ];
  const statements = samples.map(async ([place, statement]) => {
    const { signature, bytes } = await council.sign(statement, place);
    const signed = signedBytes(statement, council.size);
    const short = inShort(bytes);
    return {
      ...{ author: place, statement: plain(statement) },
      ...{ signed: hex(signed), signature: hex(signature), bytes: hex(bytes) },
      digest: digestOf(bytes),
      ...(short === bytes ? {} : { inShort: hex(short) }),
      told: hex(asTold(short)),
    };
  });
  const votes = (["notarize", "nullify", "finalize"] as const).map((kind) => council.vote(kind, 2));
  const certificates = votes.map(async (vote) => {
    const { certificate, bytes } = await council.sealed(vote, [0, 1, 3]);
    const signed = hex(signedBytes(vote, council.size));
    const made = { bytes: hex(bytes), digest: digestOf(bytes), told: hex(asTold(bytes)) };
    return { certificate: plain(certificate), signed, ...made };
  });
  return [...(await Promise.all(statements)), ...(await Promise.all(certificates))];
}

/** Messages that differ from good ones in one thing, with the verdict. */
async function refused(council: Council) {
  const vote = await council.sign(council.vote("notarize"));
  const ballot = await council.sign(council.ballot());
  const { bytes: certificate } = await council.sealed(council.vote("finalize"));
  const field = (bytes: Uint8Array, index: number, value: unknown) => {
    const envelope = decodeCanonical(bytes) as unknown[];
    return encodeCanonical(envelope.with(3, (envelope[3] as unknown[]).with(index, value)));
  };
  const list = inShort((await council.sign(council.list())).bytes);
  const samples: Readonly<Record<string, Uint8Array>> = {
    "a list in short of other digests than were signed": field(list, 4, new Uint8Array(32)),
    "a list in short with a payload more": field(list, 4, new Uint8Array(64)),
    "a list in short of what is not known": list,
    "a byte more": Uint8Array.of(...vote.bytes, 0),
    "a length in more bytes than it takes": Uint8Array.of(0x98, 5, ...vote.bytes.subarray(1)),
    "the last byte of a signature": vote.bytes.with(-1, (vote.bytes.at(-1) ?? 0) ^ 1),
    "another run": field(vote.bytes, 0, new Uint8Array(32)),
    "a nullify vote that names a block": field(vote.bytes, 4, 1),
    "a ballot of five opinions": field(ballot.bytes, 3, Uint8Array.of(1, 2, 3, 0, 0)),
    "an opinion that there is not": field(ballot.bytes, 3, Uint8Array.of(8, 2, 3, 0)),
    "a certificate of two": (await council.sealed(council.vote("finalize"), [0, 1])).bytes,
    "a signer beyond the roster": encodeCanonical(
      (decodeCanonical(certificate) as unknown[]).with(3, Uint8Array.of(0b10011)),
    ),
  };
  return Object.entries(samples).map(([name, bytes]) => {
    const verdict = parseAgreement(bytes, council.terms);
    if (verdict.verdict === "accept") throw new Error(`${name} is accepted`);
    return { name, bytes: hex(bytes), verdict: verdict.verdict, reason: verdict.reason };
  });
}

/** The message as JSON has it. */
function plain(message: object): unknown {
  return JSON.parse(
    JSON.stringify(message, (_, value) => (value instanceof Uint8Array ? hex(value) : value)),
  );
}
