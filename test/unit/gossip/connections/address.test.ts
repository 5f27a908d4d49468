import { multiaddr } from "@multiformats/multiaddr";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addressesOfPeer,
  parseAddress,
  parseListenAddress,
} from "../../../../src/gossip/connections/address.ts";
import { generateIdentity } from "../../../../src/gossip/index.ts";

const { peerId: PEER } = await generateIdentity();
const { peerId: OTHER } = await generateIdentity();
const RSA_PEER = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";

const textOf = (text: string) => {
  const parsed = parseAddress(text);
  return "address" in parsed ? parsed.address.text : null;
};
const refusalOf = (text: string, parse = parseAddress) => {
  const parsed = parse(text);
  return "refusal" in parsed ? parsed.refusal : null;
};

/** Texts that look like multiaddrs: known and unknown parts in any order. */
const addressLike = fc
  .array(
    fc.oneof(
      fc.constantFrom("ip4", "ip6", "dns", "dns4", "dns6", "dnsaddr", "tcp", "udp", "p2p", "ipfs"),
      fc.constantFrom(
        "quic-v1",
        "ws",
        "wss",
        "tls",
        "certhash",
        "unix",
        "p2p-circuit",
        "http-path",
      ),
      fc.constantFrom("uEiD", "%F0%9F%98%80", "1.2.3.4", "::1", "fe80::1%eth0", "a.example", PEER),
      fc.nat(70_000).map(String),
      fc.string({ maxLength: 8 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => `/${parts.join("/")}`);

const spoken = fc
  .record({
    host: fc.oneof(
      fc.ipV4().map((host) => `ip4/${host}`),
      fc.ipV6().map((host) => `ip6/${host}`),
      fc.tuple(fc.constantFrom("dns", "dns4", "dns6"), fc.domain()).map((parts) => parts.join("/")),
    ),
    port: fc.integer({ min: 1, max: 65_535 }),
    end: fc.constantFrom("", `/p2p/${PEER}`),
  })
  .map(({ host, port, end }) => `/${host}/tcp/${port}${end}`);

describe("an address", () => {
  it.each([
    ["/ip4/1.2.3.4/tcp/7117", "/ip4/1.2.3.4/tcp/7117"],
    [`/ip4/1.2.3.4/tcp/7117/p2p/${PEER}`, "/ip4/1.2.3.4/tcp/7117"],
    ["/ip6/2001:DB8:0:0::0001/tcp/1", "/ip6/2001:db8::1/tcp/1"],
    ["/dns4/Peer.Example.ORG/tcp/65535", "/dns4/peer.example.org/tcp/65535"],
    ["/dns6/xn--bcher-kva.example/tcp/7117", "/dns6/xn--bcher-kva.example/tcp/7117"],
    ["/dns/peer_b/tcp/7117", "/dns/peer_b/tcp/7117"],
  ])("%s has one form", (text, canonical) => {
    expect(textOf(text)).toBe(canonical);
  });

  it.each([
    ["/ip4/1.2.3.4/udp/7117/quic-v1", "quic-v1 is not spoken: write /ip4/1.2.3.4/tcp/7117"],
    [
      `/ip4/1.2.3.4/udp/7117/quic-v1/p2p/${PEER}`,
      `quic-v1 is not spoken: write /ip4/1.2.3.4/tcp/7117/p2p/${PEER}`,
    ],
    ["/ip4/1.2.3.4/udp/7117", "udp is not spoken: write /ip4/1.2.3.4/tcp/7117"],
    ["/dns4/a.example/tcp/443/wss", "wss is not spoken: write /dns4/a.example/tcp/443"],
    ["/ip4/1.2.3.4/tcp/1/certhash/uEiD", "certhash is not spoken: write /ip4/1.2.3.4/tcp/1"],
    ["/dnsaddr/bootstrap.libp2p.io", "dnsaddr is not spoken: write /ip4/1.2.3.4/tcp/7117"],
    ["/unix/%2Frun%2Fdocker.sock", "unix is not spoken: write /ip4/1.2.3.4/tcp/7117"],
    ["/dsn4/a.example/tcp/7117", "dsn4 is not spoken: write /ip4/1.2.3.4/tcp/7117"],
    [
      `/ip4/1.2.3.4/tcp/1/p2p/${PEER}/p2p-circuit`,
      `p2p-circuit is not spoken: write /ip4/1.2.3.4/tcp/1/p2p/${PEER}`,
    ],
    ["1.2.3.4:80", '"1.2.3.4:80" is no address: write /ip4/1.2.3.4/tcp/80'],
    ["a.example:80", '"a.example:80" is no address: write /dns/a.example/tcp/80'],
    ["", '"" is no address: write /ip4/1.2.3.4/tcp/7117'],
    ["/ip4/1.2.3.4", "there is no port: write /ip4/1.2.3.4/tcp/7117"],
    ["/ip4/1.2.3.4/tcp/0", "port 0 is where nobody can be reached"],
    ["/ip4/1.2.3.4/tcp/65536", '"65536" is no port: write /ip4/1.2.3.4/tcp/7117'],
    ["/ip4/1.2.3.4/tcp/080", '"080" is no port: write /ip4/1.2.3.4/tcp/7117'],
    ["/ip4/1.2.3/tcp/1", '"1.2.3" is not an IPv4 address: write /ip4/1.2.3.4/tcp/1'],
    ["/ip4/01.2.3.4/tcp/1", '"01.2.3.4" is not an IPv4 address: write /ip4/1.2.3.4/tcp/1'],
    ["/ip6/fe80::1%eth0/tcp/1", "zones of IPv6 addresses are not spoken: write /ip4/1.2.3.4/tcp/1"],
    ["/ip6/::ffff:7f00:1/tcp/1", "IPv4 inside of IPv6 is not spoken: write /ip4/1.2.3.4/tcp/1"],
    ["/dns4/127.0.0.1/tcp/1", '"127.0.0.1" is not a host name: write /ip4/1.2.3.4/tcp/1'],
    ["/dns4/0x7f000001/tcp/1", '"0x7f000001" is not a host name: write /ip4/1.2.3.4/tcp/1'],
    ["/dns4/-a.example/tcp/1", '"-a.example" is not a host name: write /ip4/1.2.3.4/tcp/1'],
    ["/ip4/1.2.3.4/tcp/1/", "there is a slash too many: write /ip4/1.2.3.4/tcp/1"],
    [
      `/ip4/1.2.3.4/tcp/1/p2p/${RSA_PEER}`,
      `"${RSA_PEER.slice(0, 40)}…" is not an Ed25519 peer id (12D3KooW…): write /ip4/1.2.3.4/tcp/1`,
    ],
    ["/ip4/0.0.0.0/tcp/1", "no peer can be reached at 0.0.0.0"],
    ["/ip6/::/tcp/1", "no peer can be reached at ::"],
    ["/ip4/224.0.0.1/tcp/1", "no peer can be reached at 224.0.0.1"],
    ["/ip6/ff02::1/tcp/1", "no peer can be reached at ff02::1"],
    ["/ip6/2002:7f00:1::/tcp/1", "no peer can be reached at 2002:7f00:1::"],
    [`/dns4/${"x.".repeat(130)}example/tcp/1`, "longer than 256 characters"],
  ])("%s is refused by name", (text, refusal) => {
    expect(refusalOf(text)).toBe(refusal);
  });

  it("is never the cause of an exception, whatever the text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), addressLike, spoken), (text) => {
        for (const parse of [parseAddress, parseListenAddress]) {
          const refusal = refusalOf(text, parse);
          if (refusal !== null) expect(refusal).toMatch(/^.{3,300}$/s);
        }
      }),
      { numRuns: 20_000 },
    );
  });

  it("that is taken reads back as itself, and libp2p can dial it", () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(spoken, addressLike), (text) => {
        const canonical = textOf(text);
        if (canonical === null) return;
        taken += 1;
        expect(textOf(canonical)).toBe(canonical);
        // what H2's addresses fail at: bytes are made when a dial begins
        expect(multiaddr(`${canonical}/p2p/${PEER}`).bytes.length).toBeGreaterThan(0);
      }),
      { numRuns: 5000 },
    );
    expect(taken).toBeGreaterThan(1000);
  });

  it("may be on port 0 and on every interface where a node listens", () => {
    for (const text of ["/ip4/0.0.0.0/tcp/0", "/ip6/::/tcp/7117", "/ip4/127.0.0.1/tcp/0"]) {
      expect(parseListenAddress(text)).toMatchObject({ address: { text } });
    }
    expect(refusalOf("/ip4/0.0.0.0/tcp/0/ws", parseListenAddress)).toMatch(/^ws is not spoken/);
  });
});

describe("addresses that are told of a peer", () => {
  it("are dropped one by one where they are none, or another's", () => {
    const good = "/ip4/1.2.3.4/tcp/7117";
    const unwritable = {
      toString: () => {
        throw new URIError("URI malformed");
      },
    };
    const told = [
      "/ip4/127.0.0.1/tcp/1/certhash/uEiD",
      `${good}/p2p/${PEER}`,
      unwritable,
      `/ip4/5.6.7.8/tcp/1/p2p/${OTHER}`,
      good,
      "/dns4/a.example/tcp/1",
    ];
    expect(addressesOfPeer(told, PEER).map(({ text }) => text)).toEqual([
      good,
      "/dns4/a.example/tcp/1",
    ]);
  });
});
