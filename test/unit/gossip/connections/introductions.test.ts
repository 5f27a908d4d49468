import type { Connection } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { multiaddr } from "@multiformats/multiaddr";
import { beforeEach, describe, expect, it } from "vitest";
import { addressesOfPeer } from "../../../../src/gossip/connections/address.ts";
import { DialPlan } from "../../../../src/gossip/connections/dial-plan.ts";
import { Introductions } from "../../../../src/gossip/connections/introductions.ts";
import { Membership } from "../../../../src/gossip/connections/membership.ts";
import { generateIdentity } from "../../../../src/gossip/index.ts";

const [SELF, FRIEND, VICTIM, STRANGER] = (await Promise.all(
  Array.from({ length: 4 }, async () => (await generateIdentity()).peerId),
)) as [string, string, string, string];

const [PUBLIC, PRIVATE, LOOPBACK] = [
  "/ip4/1.2.3.4/tcp/1",
  "/ip4/10.0.0.1/tcp/1",
  "/ip4/127.0.0.1/tcp/1",
];

/** A connection with a peer, whose other end is seen at this address. */
const link = (peer: string, seenAt: string) =>
  ({ remotePeer: peerIdFromString(peer), remoteAddr: multiaddr(seenAt) }) as Connection;
const claim = (peer: string, ...texts: string[]) => ({
  peer,
  addresses: addressesOfPeer(texts, peer),
});

let plan: DialPlan;
let introductions: Introductions;

beforeEach(() => {
  plan = new DialPlan({ baseMs: 10, maxMs: 20, random: () => 0 }, 10);
  introductions = new Introductions({
    plan,
    node: {
      getMultiaddrs: () =>
        [PUBLIC, PRIVATE, LOOPBACK].map((text) => multiaddr(`${text}/p2p/${SELF}`)),
      getPeers: () => [],
    },
    membership: new Membership([SELF, FRIEND, VICTIM], () => 0),
    self: SELF,
    peerExchange: true,
    now: () => 0,
  });
});

const learntOf = (peer: string) =>
  plan.addressesOf(peer)?.learnt.map(({ address }) => address.text) ?? [];
const toldTo = (connection: Connection) =>
  introductions
    .tell(connection)
    .flatMap(({ peer, addresses }) => addresses.map(({ text }) => [peer, text]));

describe("what a member tells", () => {
  it.each([
    ["the Internet", `${PUBLIC}/p2p/${FRIEND}`, [PUBLIC]],
    ["a private network", PRIVATE, [PUBLIC, PRIVATE]],
    ["this machine", LOOPBACK, [PUBLIC, PRIVATE, LOOPBACK]],
    ["a place that cannot be read", "/dns4/a.example/tcp/1", [PUBLIC]],
    ["a Unix socket", "/unix/%2Ftmp%2Fx", [PUBLIC]],
  ])("over %s is taken as far as that, of itself and of others", (_, seenAt, taken) => {
    const all = [PUBLIC, PRIVATE, LOOPBACK] as [string, string, string];
    introductions.hear(link(FRIEND, seenAt), [claim(FRIEND, ...all), claim(VICTIM, ...all)]);
    expect(learntOf(FRIEND)).toEqual(taken);
    // at most two of what one says of another
    expect(learntOf(VICTIM)).toEqual(taken.slice(0, 2));
  });

  it("of strangers, and of this node, is not taken", () => {
    introductions.hear(link(FRIEND, PUBLIC), [claim(STRANGER, PUBLIC), claim(SELF, PUBLIC)]);
    expect(plan.book()).toEqual([]);
    expect([learntOf(STRANGER), learntOf(SELF)]).toEqual([[], []]);
  });

  it("in identify is its own, whatever cannot be read beside it", () => {
    const unreadable = { toString: () => decodeURIComponent("%") };
    const listenAddrs = [unreadable, multiaddr(PUBLIC), multiaddr("/dnsaddr/a.example")] as never[];
    const connection = link(FRIEND, PUBLIC);
    introductions.identified({ peerId: peerIdFromString(FRIEND), listenAddrs, connection });
    expect(learntOf(FRIEND)).toEqual([PUBLIC]);
  });
});

describe("what this node tells", () => {
  it("is its own addresses and members' own words, as far as the other end is near", () => {
    introductions.hear(link(FRIEND, PRIVATE), [claim(FRIEND, PUBLIC, PRIVATE)]);
    expect(toldTo(link(VICTIM, PUBLIC))).toEqual([
      [SELF, PUBLIC],
      [FRIEND, PUBLIC],
    ]);
    expect(toldTo(link(VICTIM, LOOPBACK))).toEqual([
      [SELF, PUBLIC],
      [SELF, PRIVATE],
      [SELF, LOOPBACK],
      [FRIEND, PUBLIC],
      [FRIEND, PRIVATE],
    ]);
  });

  it("is no hearsay, but what the operator wrote", () => {
    introductions.hear(link(FRIEND, PUBLIC), [claim(VICTIM, "/ip4/6.6.6.6/tcp/22")]);
    expect(toldTo(link(FRIEND, PUBLIC))).toEqual([[SELF, PUBLIC]]);
    plan.pin(VICTIM, addressesOfPeer(["/ip4/5.5.5.5/tcp/1"], VICTIM), 0);
    expect(toldTo(link(FRIEND, PUBLIC))).toEqual([
      [SELF, PUBLIC],
      [VICTIM, "/ip4/5.5.5.5/tcp/1"],
    ]);
  });
});
