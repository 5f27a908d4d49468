import { multiaddr } from "@multiformats/multiaddr";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { generateIdentity, type Identity } from "../../../src/gossip/index.ts";
import { freePorts } from "../../../testnet/processes/free-ports.ts";
import { type Adversary, type Claim, startAdversary } from "../../support/adversary.ts";
import { foreignPort } from "../../support/foreign-port.ts";
import { rawComponent } from "../../support/raw-identify.ts";
import { addressOf, startRawPeer, stopRawPeers } from "../../support/raw-peer.ts";
import { resetLinks } from "../../support/tcp-links.ts";
import { poll, startNode, stopNodes, type TestNode } from "./network-fixture.ts";

afterEach(async () => {
  await stopNodes();
  await stopRawPeers();
});

/** Time in which links that were reset must all be back. */
const BACK_MS = 5000;
const HONEST = 4;

interface Consortium {
  readonly nodes: readonly TestNode[];
  /** Where each of them listens, without its peer id. */
  readonly truth: ReadonlyMap<string, string>;
  /** The key of one more member. */
  readonly adversary: Identity;
}

/** Honest nodes that are all connected; `knowAll`: each knows all by its operator, else the first one only. */
async function consortium(knowAll: boolean): Promise<Consortium> {
  const adversary = await generateIdentity();
  const honest = await Promise.all(Array.from({ length: HONEST }, () => generateIdentity()));
  const ports = await freePorts(HONEST);
  const truth = new Map(
    honest.map(({ peerId }, index) => [peerId, `/ip4/127.0.0.1/tcp/${ports[index]}`]),
  );
  const members = [adversary, ...honest].map(({ peerId }) => peerId);
  const known = [...truth].map(([peer, address]) => `${address}/p2p/${peer}`);
  const start = (identity: Identity) => {
    const listen = [truth.get(identity.peerId) ?? ""];
    const others = known.filter((address) => !address.endsWith(identity.peerId));
    const bootstrap = knowAll ? others : others.filter((address) => address === known[0]);
    return startNode({ identity, config: { members, listen, bootstrap, syncIntervalMs: 500 } });
  };
  const nodes = await Promise.all(honest.map(start));
  const isWhole = (node: TestNode) => node.connected.size === HONEST - 1;
  await Promise.all(nodes.map((node) => node.until(() => isWhole(node), "honest links")));
  return { nodes, truth, adversary };
}

/**
 * What is said of a peer in the place of its addresses. All of it passes libp2p's parser; the first one alone stops a
 * dial.
 */
const badAddresses = (foreign: string, stranger: string): readonly (readonly string[])[] => [
  ["/ip4/127.0.0.1/tcp/1/certhash/uEiD", "/dnsaddr/bootstrap.libp2p.io"],
  ["/unix/%2Frun%2Fdocker.sock", "/ip4/127.0.0.1/tcp/22/tls/ws", foreign],
  ["/ip4/127.0.0.1/udp/53/quic-v1/webtransport", `/dns4/${"x".repeat(200)}/tcp/1`, "/tcp/80"],
  [`${foreign}/p2p/${stranger}`],
];

/** Connects with every node and tells each all of the claims, and what is no message besides. */
async function spread(adversary: Adversary, nodes: readonly TestNode[]): Promise<void> {
  for (const { address, identity } of nodes) {
    const connection = await adversary.connect(address);
    await adversary.exchange(connection);
    const junk = { peer: identity.peerId, addresses: ["", "/", "localhost:80", "\u0000/ip4/1"] };
    const huge = { peer: identity.peerId, addresses: Array(500).fill("/ip4/127.0.0.1/tcp/22") };
    await Promise.allSettled([junk, huge].map((claim) => adversary.exchange(connection, [claim])));
  }
}

/** Breaks every link, and says how long it takes until every honest node is connected with every other one again. */
async function timeUntilBack({ nodes, truth }: Consortium): Promise<number> {
  const back = nodes.map(({ network }) => {
    const peers = new Set<string>();
    network.onPeer((event, peer) => {
      if (event === "connected" && truth.has(peer)) peers.add(peer);
    });
    return peers;
  });
  const start = performance.now();
  expect(resetLinks()).toBeGreaterThan(0);
  const isBack = () => back.every((peers) => peers.size === HONEST - 1);
  await poll(isBack, "honest links again", 60_000);
  return performance.now() - start;
}

/** What every node says of peers now, as texts with their peer. */
async function sayings(adversary: Adversary, nodes: readonly TestNode[]): Promise<Set<string>> {
  for (const { address } of nodes) await adversary.exchange(await adversary.connect(address));
  const claims = adversary.heard.flatMap((told) => told.claims);
  return new Set(claims.flatMap((claim) => claim.addresses.map((at) => `${claim.peer} ${at}`)));
}

describe("a member that tells everybody bad addresses of everybody", () => {
  it.each([
    ["by their operators", true],
    ["from one another", false],
  ])(
    "keeps no honest link down, and is not repeated, where nodes know each other %s",
    async (_, knowAll) => {
      const network = await consortium(knowAll);
      const { nodes, truth } = network;
      const [foreign, victims] = [await foreignPort(), [...truth.keys()]];
      onTestFinished(foreign.close);
      const stranger = (await generateIdentity()).peerId;
      const bad = badAddresses(foreign.address, stranger);
      const self = network.adversary.peerId;
      const claims = [...victims, self].flatMap((peer) =>
        bad.map((addresses): Claim => ({ peer, addresses })),
      );
      const adversary = await startAdversary({ identity: network.adversary, claims });
      await spread(adversary, nodes);

      expect(await timeUntilBack(network)).toBeLessThan(BACK_MS);

      const said = await sayings(adversary, nodes);
      const honest = [...truth].map(([peer, address]) => `${peer} ${address}`);
      // of itself a peer may say what it likes, as long as it is an address
      const own = [foreign.address, addressOf(adversary.node).replace(/\/p2p\/.*/, "")];
      const allowed = new Set([...honest, ...own.map((address) => `${self} ${address}`)]);
      expect([...said].filter((each) => !allowed.has(each))).toEqual([]);
      expect([...said]).toEqual(expect.arrayContaining(honest));
    },
  );

  it("would stop libp2p from dialling the true address beside them (control)", async () => {
    const node = await startNode();
    const peer = await startRawPeer();
    const { peerId } = node.identity;
    const [[certificate = ""] = []] = badAddresses("", peerId);
    const told = [node.address, `${certificate}/p2p/${peerId}`].map((text) => multiaddr(text));
    await expect(peer.dial(told)).rejects.toThrow();
    await peer.dial(told.slice(0, 1));
  });
});

describe("an operator's address where somebody else is silent", () => {
  it("is waited for, and then the address that others told leads to the peer", async () => {
    const foreign = await foreignPort();
    onTestFinished(foreign.close);
    const hub = await startNode();
    const identity = await generateIdentity();
    const { peerId } = identity;
    const bootstrap = [hub.address, `${foreign.address}/p2p/${peerId}`];
    const node = await startNode({
      config: { bootstrap, dialTimeoutMs: 300, syncIntervalMs: 100 },
    });
    await node.until(() => node.log.includes("could not connect"), "failed attempt");
    expect(node.network.dialFailures().get(peerId)).toMatchObject({
      address: foreign.address,
      reason: "no answer in time",
    });
    // it hears of nobody, so that it is dialled and does not dial
    await startNode({ identity, config: { bootstrap: [hub.address], peerExchange: false } });
    await node.until(() => node.connected.has(peerId), "peer");
    const peer = node.network.peers().find((each) => each.peer === peerId);
    expect(peer?.direction).toBe("outbound");
    await poll(() => node.network.dialFailures().size === 0, "its first words");
  });
});

describe("identify with bytes that libp2p cannot write down", () => {
  it("ends no process: what can be read beside them is learnt", async () => {
    const node = await startNode({ config: { syncIntervalMs: 100 } });
    const good = "/ip4/127.0.0.1/tcp/7117";
    const liar = await startAdversary({
      identity: await generateIdentity(),
      identifyAs: [
        // http-path: half of a character is left when libp2p cuts the first unit off
        rawComponent(481, new TextEncoder().encode("😀")),
        rawComponent(466, Uint8Array.of(0x12, 0x20, 1)),
        multiaddr(good).bytes,
      ],
    });
    const witness = await startAdversary({ identity: await generateIdentity() });
    await liar.connect(node.address);
    await witness.connect(node.address);
    const claims = () => witness.heard.flatMap((told) => told.claims);
    await poll(
      () => claims().some((claim) => claim.peer === liar.peerId && claim.addresses.includes(good)),
      "telling of the address that can be read",
    );
    const told = claims().filter(({ peer }) => peer === liar.peerId);
    expect(new Set(told.flatMap(({ addresses }) => addresses))).toEqual(new Set([good]));
  });
});
