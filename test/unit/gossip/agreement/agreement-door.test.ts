import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AgreementDoor } from "../../../../src/gossip/agreement/agreement-door.ts";
import { decodeCanonical, encodeCanonical } from "../../../../src/gossip/canonical-cbor.ts";
import {
  type AgreementMessage,
  blockDigest,
  encodeBlock,
  type KnownParts,
  NOTHING_KNOWN,
  type Refusal,
} from "../../../../src/gossip/index.ts";
import type { PeerId, Verdict } from "../../../../src/types.ts";
import { Council } from "../../../support/agreement-samples.ts";

const NOW = 1_800_000_000_000;
const ACCEPT: Verdict<void> = { verdict: "accept", value: undefined };
const exchange = { from: "peer" };
const told = { from: "teller", isSaid: true };

let council: Council;
let now: number;
let opinion: Verdict<void>;
let judged: [AgreementMessage, PeerId][];
let refusals: [PeerId, Refusal][];
let floods: PeerId[];
let parts: KnownParts | null;
let asked: PeerId[];
let later: [number, () => void][];
let door: AgreementDoor;

beforeAll(async () => {
  council = await Council.of(7);
});

beforeEach(() => {
  [now, opinion, judged, refusals, floods] = [NOW, ACCEPT, [], [], []];
  [parts, asked, later] = [NOTHING_KNOWN, [], []];
  door = new AgreementDoor({
    now: () => now,
    judge: (message, from) => {
      judged.push([message, from]);
      return opinion;
    },
    known: () => parts,
    onLost: (from) => asked.push(from),
    later: (milliseconds, run) => later.push([milliseconds, run]),
    onRefused: (from, refusal) => refusals.push([from, refusal]),
    onFlood: (from) => floods.push(from),
  });
  door.terms = council.terms;
});

describe("the door of mode agreed", () => {
  it("shows the judge what a member said, and who brought it", async () => {
    const signed = await council.sign(council.ballot(), 1);
    expect(await door.admit(signed.bytes, told)).toEqual(ACCEPT);
    expect(judged).toEqual([[signed, "teller"]]);
  });

  it("shows it once, however often it comes, and blames nobody for saying a vote again", async () => {
    const { bytes } = await council.sign(council.vote("notarize"));
    await Promise.all([door.admit(bytes, exchange), door.admit(bytes, told)]);
    expect(await door.admit(bytes, told)).toMatchObject({ verdict: "ignore" });
    expect(await door.admit(bytes, exchange)).toEqual(ACCEPT);
    expect(judged).toHaveLength(1);
    expect(refusals).toEqual([]);
  });

  it("shows one certificate of what several members certify, and checks no signature of the others", async () => {
    const [first, other] = [
      await council.sealed(council.vote("finalize"), [0, 1, 2, 3, 4]),
      await council.sealed(council.vote("finalize"), [2, 3, 4, 5, 6]),
    ];
    await door.admit(first.bytes, told);
    expect(await door.admit(other.bytes, told)).toMatchObject({ verdict: "ignore" });
    const forged = other.bytes.with(-1, 0);
    expect(await door.admit(forged, exchange)).toMatchObject({ verdict: "ignore" });
    const later = await council.sealed(council.vote("finalize", 1));
    expect(await door.admit(later.bytes, exchange)).toEqual(ACCEPT);
    expect(judged.map(([message]) => message)).toEqual([first, later]);
    expect(refusals).toEqual([]);
  });

  it("checks a forged certificate where nothing is certified yet (control)", async () => {
    const { bytes } = await council.sealed(council.vote("finalize"));
    const refusal = { verdict: "reject", reason: "bad-signature" };
    expect(await door.admit(bytes.with(-1, 0), exchange)).toEqual(refusal);
    expect(refusals).toEqual([["peer", refusal]]);
  });

  it("asks the judge again about what it ignored, and about a certificate too", async () => {
    opinion = { verdict: "ignore", reason: "future-round" };
    const { bytes } = await council.sealed(council.vote("finalize"));
    for (let times = 0; times < 3; times += 1) await door.admit(bytes, exchange);
    expect(judged).toHaveLength(3);
    expect(refusals).toHaveLength(1);
    opinion = ACCEPT;
    expect(await door.admit(bytes, exchange)).toEqual(ACCEPT);
  });

  it("names the author of what the judge refuses", async () => {
    opinion = { verdict: "ignore", reason: "past-round" };
    const { bytes, author } = await council.sign(council.vote("notarize"));
    await door.admit(bytes, exchange);
    expect(refusals).toEqual([["peer", { ...opinion, author }]]);
  });

  it("names the author of a block that is wrong, and not of one that another put in its place", async () => {
    const { statement, bytes, author } = await council.sign(await council.proposal());
    const other = encodeBlock({ ...(await council.block()), norm: 7 });
    const envelope = decodeCanonical(bytes) as unknown[];
    const swapped = envelope.with(3, (envelope[3] as unknown[]).with(5, other));
    await door.admit(encodeCanonical(swapped), exchange);
    expect(refusals).toEqual([["peer", { verdict: "reject", reason: "digest-mismatch" }]]);
    const small = await council.block({ places: [0, 1] });
    const wrong = await council.sign({ ...statement, body: small, block: blockDigest(small) });
    await door.admit(wrong.bytes, exchange);
    expect(refusals.at(-1)?.[1]).toEqual({ verdict: "reject", reason: "malformed", author });
  });

  it("takes nothing in mode gossip", async () => {
    door.terms = null;
    const { bytes } = await council.sign(council.vote("notarize"));
    expect(await door.admit(bytes, exchange)).toEqual({ verdict: "ignore", reason: "other-run" });
  });

  it("does not ask about this node's own messages that come back", async () => {
    const { bytes } = await council.sign(council.vote("notarize"));
    door.remember(bytes);
    expect(await door.admit(bytes, exchange)).toEqual(ACCEPT);
    expect(await door.admit(bytes, told)).toMatchObject({ verdict: "ignore" });
    expect([judged, refusals]).toEqual([[], []]);
  });
});

describe("a flood", () => {
  /** Different votes of the first member about one height. */
  const votes = (height: number, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, view) =>
        council.sign({ ...council.vote("notarize", view), height }),
      ),
    );
  const admitAll = async (all: readonly { readonly bytes: Uint8Array }[]) => {
    const verdicts = await Promise.all(all.map(({ bytes }) => door.admit(bytes, exchange)));
    return verdicts.filter(({ verdict }) => verdict === "accept").length;
  };

  it("of one author's about a height is ignored above what views need, and others' heights are not", async () => {
    expect(await admitAll(await votes(3, 80))).toBe(64);
    expect(refusals.at(-1)?.[1]).toMatchObject({ reason: "flood", author: council.roster[0] });
    expect(await admitAll(await votes(4, 10))).toBe(10);
    // an honest member in the shortest views, two seconds each
    now += 2000;
    const later = await council.sign(council.vote("finalize", 99));
    expect(await admitAll([later])).toBe(1);
    expect(floods).toEqual([]);
  });

  it("of a peer is given up before a signature is looked at, and an exchange is none", async () => {
    const junk = Array.from({ length: 5000 }, (_, i) => Uint8Array.of(i & 255, i >> 8));
    for (const bytes of junk.slice(0, 2048)) await door.admit(bytes, exchange);
    expect(floods).toEqual([]);
    for (const bytes of junk.slice(2048)) await door.admit(bytes, exchange);
    expect(floods).toHaveLength(5000 - 4096);
    const { bytes } = await council.sign(council.vote("notarize"));
    expect(await door.admit(bytes, told)).toEqual(ACCEPT);
  });

  it("of what came too early is none: everybody brings it again", async () => {
    opinion = { verdict: "ignore", reason: "future-round" };
    const { bytes } = await council.sign(council.vote("notarize"));
    for (let times = 0; times < 200; times += 1) await door.admit(bytes, exchange);
    opinion = ACCEPT;
    expect(await admitAll(await votes(3, 64))).toBe(64);
    expect(refusals.map(([, { reason }]) => reason)).toEqual(["future-round"]);
  });

  it("of one author's is still one when it comes again", async () => {
    const all = await votes(3, 80);
    expect([await admitAll(all), await admitAll(all.slice(64))]).toEqual([64, 0]);
  });

  it("of certificates and proposals is a neighbour's, whose signatures are not checked; nobody else pays", async () => {
    const certificates = await Promise.all(
      Array.from({ length: 130 }, (_, view) => council.sealed(council.vote("nullify", view))),
    );
    expect(await admitAll(certificates)).toBe(128);
    const proposal = await council.sign(await council.proposal());
    expect(await door.admit(proposal.bytes, exchange)).toMatchObject({ reason: "flood" });
    expect(refusals.every(([from, { author }]) => from === "peer" && author === undefined)).toBe(
      true,
    );
    expect(await door.admit(proposal.bytes, { from: "another" })).toEqual(ACCEPT);
    now += 1000;
    expect(await admitAll(certificates.slice(128))).toBe(2);
  });

  it("of votes that were said before costs nothing", async () => {
    const { bytes } = await council.sign(council.vote("notarize"));
    for (let times = 0; times < 5000; times += 1) await door.admit(bytes, exchange);
    expect(floods).toEqual([]);
  });
});
