import type { Stream } from "@libp2p/interface";
import { lpStream } from "@libp2p/utils";
import { multiaddr } from "@multiformats/multiaddr";
import { afterEach, describe, expect, it } from "vitest";
import { CHAIN_PROTOCOL } from "../../../src/gossip/agreement/chain.ts";
import { encodePageRequest, MAX_PAGE_BYTES } from "../../../src/gossip/agreement/chain-page.ts";
import { encodeCanonical } from "../../../src/gossip/canonical-cbor.ts";
import type { ChainOutcome } from "../../../src/gossip/index.ts";
import { NAME } from "../../support/agreement-samples.ts";
import { type RawPeer, stopRawPeers } from "../../support/raw-peer.ts";
import { fetchChain, startImpostor, startMember, streamTo } from "./agreement-fixture.ts";
import { stopNodes } from "./network-fixture.ts";

afterEach(async () => {
  await stopNodes();
  await stopRawPeers();
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
