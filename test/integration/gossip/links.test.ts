import type { Connection } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { afterEach, describe, expect, it } from "vitest";
import { generateIdentity } from "../../../src/gossip/index.ts";
import { leaveAll, rawMember } from "../../support/raw-channel.ts";
import { startRawPeer, stopRawPeers } from "../../support/raw-peer.ts";
import { poll, startNode, stopNodes } from "./network-fixture.ts";

afterEach(async () => {
  leaveAll();
  await stopNodes();
  await stopRawPeers();
});

describe("a member that connects three times", () => {
  it("keeps two connections, and is refused the third before a stream is served", async () => {
    const node = await startNode();
    const peer = await startRawPeer();
    const address = multiaddr(node.address);
    const served = (link: Connection) => link.streams.some(({ protocol }) => protocol !== "");
    const links = [
      await peer.dial(address, { force: true }),
      await peer.dial(address, { force: true }),
    ];
    await poll(() => links.every(served), "streams on both connections");
    const third = await peer.dial(address, { force: true }).catch(() => null);
    await poll(() => third === null || third.status !== "open", "refusal of the third");
    expect(third !== null && served(third)).toBe(false);
    await node.until(() => node.refused.length > 0, "refusal");
    const from = peer.peerId.toString();
    expect(node.refused).toEqual([{ from, verdict: "reject", reason: "flood" }]);
    expect(links.map(({ status }) => status)).toEqual(["open", "open"]);
    links[0]?.abort(new Error("one less"));
    await poll(() => peer.getConnections().length === 1, "one connection less");
    const again = await peer.dial(address, { force: true });
    await poll(() => served(again), "streams on the new connection");
  });
});

describe("a member that lost its power and comes back", () => {
  it("gets in although its old connections seem to be there", async () => {
    const node = await startNode();
    const { key } = await generateIdentity();
    // these say nothing any more, as connections do whose other end is no more
    const old = [await rawMember(node.address, key), await rawMember(node.address, key)];
    const back = await rawMember(node.address, key);
    expect(back.socket.status).toBe("open");
    await poll(() => old.every(({ socket }) => socket.status !== "open"), "end of the old ones");
    expect(node.refused).toEqual([]);
  });
});
