import type { Stream } from "@libp2p/interface";
import { lpStream } from "@libp2p/utils";
import { multiaddr } from "@multiformats/multiaddr";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  AGREEMENT_EXCHANGE,
  MAX_ENTRIES,
} from "../../../src/gossip/agreement/agreement-exchange.ts";
import { CHAIN_PROTOCOL } from "../../../src/gossip/agreement/chain.ts";
import { encodePageRequest, MAX_PAGE_BYTES } from "../../../src/gossip/agreement/chain-page.ts";
import { STATEMENTS } from "../../../src/gossip/agreement/lines.ts";
import { encodeCanonical } from "../../../src/gossip/canonical-cbor.ts";
import {
  type AgreementMessage,
  type ChainBytes,
  type ChainOutcome,
  type KnownParts,
  MAX_AGREEMENT_BYTES,
  type Network,
  NOTHING_KNOWN,
} from "../../../src/gossip/index.ts";
import type { PeerId } from "../../../src/types.ts";
import { Council, NAME } from "../../support/agreement-samples.ts";
import { type RawPeer, startRawPeer, stopRawPeers } from "../../support/raw-peer.ts";
import { poll, startNode, stopNodes, type TestNode } from "./network-fixture.ts";

afterEach(async () => {
  await stopNodes();
  await stopRawPeers();
});

let council: Council;

beforeAll(async () => {
  council = await Council.of(4);
});

interface Member extends TestNode {
  readonly agreed: AgreementMessage[];
  readonly holds: Uint8Array[];
  readonly chain: ChainBytes[];
  /** Of the height of the council. */
  known: KnownParts;
}

/** The member of a place. */
async function startMember(
  place: number,
  others: readonly TestNode[] = [],
  of: Council = council,
): Promise<Member> {
  const [agreed, holds, chain]: [AgreementMessage[], Uint8Array[], ChainBytes[]] = [[], [], []];
  const parts = { agreed, holds, chain, known: NOTHING_KNOWN };
  const prepare = (network: Network) => {
    network.agreementTerms(of.terms);
    network.onAgreement((message) => {
      agreed.push(message);
      return { verdict: "accept", value: undefined };
    });
    network.onKnownOfAgreement(() => member.known);
    network.onTellAgreement(() => holds);
    network.onTellChain((from, most) => chain.slice(from, from + most));
  };
  const identity = of.members[place];
  if (identity === undefined) throw new Error("the council has no such member");
  const config = { bootstrap: others.map(({ address }) => address) };
  const member: Member = Object.assign(await startNode({ config, identity, prepare }), parts);
  return member;
}

/** A member of the last place without our code. */
const startImpostor = (): Promise<RawPeer> => startRawPeer(council.members[3]);

async function streamTo(node: TestNode, raw: RawPeer, protocol: string): Promise<Stream> {
  return raw.dialProtocol(multiaddr(node.address), protocol);
}

const inventory = (names: Uint8Array = new Uint8Array()) =>
  encodeCanonical([2, Buffer.from(NAME.run, "hex"), new Uint8Array(8), names]);

const fetchChain = (client: TestNode, peer: PeerId): Promise<ChainOutcome> =>
  client.network.fetchChain(peer, 0, { signal: AbortSignal.timeout(30_000) });

/** Says it as soon as somebody can be told. */
async function publish(member: Member, bytes: Uint8Array): Promise<void> {
  let told = 0;
  await poll(() => {
    if (told === 0) {
      void member.network.publish({ bytes }).then((count) => {
        told = count;
      });
    }
    return told > 0;
  }, "somebody to tell");
}

describe("a line", () => {
  /** Two of 200 members, the second of which knows this. */
  async function two(known: (large: Council) => Promise<KnownParts>) {
    const large = await Council.of(200);
    const a = await startMember(0, [], large);
    const b = await startMember(1, [a], large);
    b.known = await known(large);
    const signed = await large.sign(await large.proposal());
    expect(signed.bytes.byteLength).toBeGreaterThan(32 * 1024);
    a.holds.push(signed.bytes);
    return { a, b, signed };
  }

  it("brings a proposal with the ballots of 134 members in short to one who holds them", async () => {
    const { a, b, signed } = await two(async (large) => {
      const { ballots } = await large.block();
      return { ...NOTHING_KNOWN, ballot: (place) => ballots[place] };
    });
    a.holds.length = 0;
    const before = b.network.traffic().received;
    await publish(a, signed.bytes);
    await poll(() => b.agreed.length > 0, "the proposal");
    expect(b.agreed).toEqual([signed]);
    // with what two that have just met say to one another
    expect(b.network.traffic().received - before).toBeLessThan(signed.bytes.byteLength / 2);
  });

  it("and in full, by exchange, to one who lacks a ballot of it (control)", async () => {
    const { a, b, signed } = await two(async (large) => {
      const { ballots } = await large.block();
      return { ...NOTHING_KNOWN, ballot: (place) => ballots[place + 1] };
    });
    await publish(a, signed.bytes);
    await poll(() => b.agreed.length > 0, "the proposal");
    expect(b.agreed).toEqual([signed]);
    expect(b.refused).toEqual([]);
  });

  it("brings a megabyte, and is given no more", async () => {
    const a = await startMember(0);
    const b = await startMember(1, [a]);
    await publish(a, new Uint8Array(MAX_AGREEMENT_BYTES));
    await b.until(() => b.refused.length > 0, "a refusal");
    expect(b.refused).toMatchObject([{ verdict: "reject", reason: "malformed" }]);
    const bytes = new Uint8Array(MAX_AGREEMENT_BYTES + 1);
    await expect(a.network.publish({ bytes })).rejects.toThrow(/too large/);
  });

  it("is ended where a message says that it is larger, and its member named", async () => {
    const node = await startMember(0);
    const raw = await startImpostor();
    const stream = await streamTo(node, raw, STATEMENTS);
    // a message of 256 MiB, of which only the beginning is sent
    stream.send(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x01, 0));
    await node.until(() => node.refused.length > 0, "a refusal");
    expect(node.refused).toMatchObject([{ verdict: "reject", reason: "too-large" }]);
  });
});

describe("an exchange", () => {
  it("brings only what the other lacks", async () => {
    const a = await startMember(0);
    const b = await startMember(1, [a]);
    await poll(() => b.connected.has(a.identity.peerId), "a connection");
    const votes = await Promise.all(
      Array.from({ length: 500 }, (_, view) =>
        council.sign(council.vote("notarize", view), view % 4),
      ),
    );
    a.holds.push(...votes.map(({ bytes }) => bytes));
    expect(await b.network.exchangeAgreement(a.identity.peerId)).toBe(true);
    await poll(() => b.agreed.length >= 250, "the votes that are no flood");
    b.holds.push(...a.holds);
    const before = b.network.traffic().received;
    expect(await b.network.exchangeAgreement(a.identity.peerId)).toBe(true);
    // 500 names of 8 bytes and no vote, which are 300 bytes each
    expect(b.network.traffic().received - before).toBeLessThan(500 * 20);
  });

  it("with a peer that gives without end is ended, and the peer blamed", async () => {
    const node = await startMember(0);
    const raw = await startImpostor();
    const stream = await streamTo(node, raw, AGREEMENT_EXCHANGE);
    const wire = lpStream(stream);
    await wire.write(inventory());
    await wire.read();
    const { bytes } = await council.sign(council.vote("notarize"));
    for (let count = 0; count <= MAX_ENTRIES; count += 1) {
      await wire.write(bytes).catch(() => undefined);
    }
    await poll(() => stream.status !== "open", "end of the stream");
    expect(node.refused).toMatchObject([{ verdict: "reject", reason: "malformed" }]);
    expect(node.agreed).toHaveLength(1);
  });

  it("is refused to a peer that says no inventory, or one of 2,049 messages", async () => {
    const node = await startMember(0);
    const raw = await startImpostor();
    for (const bytes of [Uint8Array.of(1), inventory(new Uint8Array(8 * (MAX_ENTRIES + 1)))]) {
      const before = node.refused.length;
      const stream = await streamTo(node, raw, AGREEMENT_EXCHANGE);
      await lpStream(stream).write(bytes);
      await node.until(() => node.refused.length > before, "a refusal");
      expect(node.refused.at(-1)).toMatchObject({ verdict: "reject", reason: "malformed" });
    }
  });
});

describe("what a member publishes that is none", () => {
  it("is refused with its reason, and the neighbour that brings it named", async () => {
    const node = await startMember(0);
    const raw = await startImpostor();
    const wire = lpStream(await streamTo(node, raw, STATEMENTS));
    const forged = (await council.sign(council.vote("notarize"), 3)).bytes.with(-1, 0);
    const foreign = (await council.sign(council.vote("notarize"), 1)).bytes;
    for (const bytes of [Uint8Array.of(7), forged, foreign]) await wire.write(bytes);
    await node.until(() => node.refused.length >= 3, "three refusals");
    expect(new Set(node.refused.map(({ reason }) => reason))).toEqual(
      new Set(["malformed", "bad-signature", "wrong-author"]),
    );
    expect(node.refused.every(({ from }) => from === raw.peerId.toString())).toBe(true);
    expect(node.agreed).toEqual([]);
  });
});

describe("a chain", () => {
  /** A peer that answers requests for the chain as it likes. */
  async function startLiar(answer: (stream: Stream) => Promise<void>): Promise<RawPeer> {
    const raw = await startImpostor();
    await raw.handle(CHAIN_PROTOCOL, (stream) => answer(stream).catch(() => undefined));
    return raw;
  }

  async function outcomeOf(answer: (stream: Stream) => Promise<void>): Promise<ChainOutcome> {
    const raw = await startLiar(answer);
    const node = await startMember(0);
    await raw.dial(multiaddr(node.address));
    await node.until(() => node.connected.has(raw.peerId.toString()), "a connection");
    return fetchChain(node, raw.peerId.toString());
  }

  it("that is no page is malformed", async () => {
    const outcome = await outcomeOf(async (stream) => {
      const wire = lpStream(stream);
      await wire.read();
      await wire.write(Uint8Array.of(0xff));
    });
    expect(outcome).toMatchObject({ ok: false, failure: "malformed" });
  });

  it("whose page never ends is given up before it has come", async () => {
    const outcome = await outcomeOf(async (stream) => {
      await lpStream(stream).read();
      // a message of 256 MiB, of which only the beginning is sent
      stream.send(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x01, 0));
    });
    expect(outcome).toMatchObject({ ok: false, failure: "too-large" });
  });

  it("of a peer that ends the stream is unreachable", async () => {
    const outcome = await outcomeOf(async (stream) => stream.abort(new Error("no")));
    expect(outcome).toMatchObject({ ok: false, failure: "unreachable" });
  });

  it("of another run is empty, and the peer that asked is named", async () => {
    const node = await startMember(0);
    const raw = await startImpostor();
    const stream = await streamTo(node, raw, CHAIN_PROTOCOL);
    const wire = lpStream(stream, { maxDataLength: MAX_PAGE_BYTES });
    await wire.write(encodePageRequest({ run: NAME.parent, from: 0, most: 1 }));
    const page = Uint8Array.from((await wire.read()).subarray());
    expect(page).toEqual(encodeCanonical([1, []]));
    expect(node.refused).toMatchObject([{ verdict: "ignore", reason: "other-run" }]);
  });

  it("is given in 64 pages at once and then two a second", async () => {
    const node = await startMember(0);
    const raw = await startImpostor();
    const request = encodePageRequest({ run: NAME.run, from: 0, most: 1 });
    let answered = 0;
    for (let count = 0; count < 100; count += 1) {
      const stream = await streamTo(node, raw, CHAIN_PROTOCOL);
      const wire = lpStream(stream);
      await wire
        .write(request)
        .then(() => wire.read())
        .then(() => {
          answered += 1;
        })
        .then(() => stream.close())
        .catch(() => undefined);
    }
    expect(answered).toBeGreaterThanOrEqual(64);
    expect(answered).toBeLessThan(90);
  });
});
