import { lpStream } from "@libp2p/utils";
import { afterEach, describe, expect, it } from "vitest";
import { AGREEMENT_EXCHANGE } from "../../../src/gossip/agreement/agreement-exchange.ts";
import { MAX_ENTRIES } from "../../../src/gossip/agreement/inventory-message.ts";
import { STATEMENTS } from "../../../src/gossip/agreement/lines.ts";
import { asTold } from "../../../src/gossip/agreement/told.ts";
import { encodeCanonical } from "../../../src/gossip/canonical-cbor.ts";
import { type KnownParts, MAX_AGREEMENT_BYTES, NOTHING_KNOWN } from "../../../src/gossip/index.ts";
import { Council, NAME } from "../../support/agreement-samples.ts";
import { stopRawPeers } from "../../support/raw-peer.ts";
import { council, type Member, startImpostor, startMember, streamTo } from "./agreement-fixture.ts";
import { poll, stopNodes } from "./network-fixture.ts";

afterEach(async () => {
  await stopNodes();
  await stopRawPeers();
});

const inventory = (names: Uint8Array = new Uint8Array()) =>
  encodeCanonical([2, Buffer.from(NAME.run, "hex"), new Uint8Array(8), names]);

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
    await wire.write(Buffer.from(NAME.run, "hex"));
    const told = async (place: number) =>
      asTold((await council.sign(council.vote("notarize"), place)).bytes);
    const forged = (await told(3)).with(-1, 0);
    for (const bytes of [Uint8Array.of(7), forged, await told(1)]) await wire.write(bytes);
    await node.until(() => node.refused.length >= 3, "three refusals");
    expect(node.refused.map(({ reason }) => reason)).toEqual([
      "malformed",
      "bad-signature",
      // what another has signed is told in this one's name
      "bad-signature",
    ]);
    expect(node.refused.every(({ from }) => from === raw.peerId.toString())).toBe(true);
    expect(node.agreed).toEqual([]);
    // control: its own is taken over the same line
    await wire.write(await told(3));
    await node.until(() => node.agreed.length === 1, "its own vote");
  });

  it("is refused as of another run, or of none, before any of it is read", async () => {
    const node = await startMember(0);
    const raw = await startImpostor();
    for (const first of [Buffer.from(NAME.parent, "hex"), Uint8Array.of(1)]) {
      const before = node.refused.length;
      const stream = await streamTo(node, raw, STATEMENTS);
      await lpStream(stream).write(first);
      await node.until(() => node.refused.length > before, "a refusal");
      await poll(() => stream.status !== "open", "end of the stream");
    }
    expect(node.refused).toMatchObject([
      { verdict: "ignore", reason: "other-run" },
      { verdict: "reject", reason: "malformed" },
    ]);
  });
});
