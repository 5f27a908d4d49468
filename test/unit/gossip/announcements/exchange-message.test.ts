import { encode } from "cborg";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeExchange,
  encodeExchange,
  MAX_EXCHANGE_BYTES,
} from "../../../../src/gossip/announcements/exchange-message.ts";
import { addressesOfPeer, addressOf } from "../../../../src/gossip/connections/address.ts";
import { generateIdentity } from "../../../../src/gossip/index.ts";
import { publicKeyOf } from "../../../../src/gossip/keys/identity.ts";

const { peerId } = await generateIdentity();
const { peerId: other } = await generateIdentity();
const ADDRESS = "/ip4/127.0.0.1/tcp/7117";

describe("an exchange message", () => {
  it("arrives as it was sent", () => {
    const message = {
      announcements: [Uint8Array.of(1, 2, 3), new Uint8Array(1024)],
      peers: [{ peer: peerId, addresses: addressesOfPeer([ADDRESS, "/dns/a/tcp/1"], peerId) }],
    };
    expect(decodeExchange(encodeExchange(message))).toEqual(message);
  });

  it("leaves out what is too much, and always fits", () => {
    const bytes = encodeExchange({
      announcements: Array.from({ length: 5000 }, () => new Uint8Array(1024)),
      peers: Array.from({ length: 5000 }, () => ({
        peer: peerId,
        addresses: Array.from({ length: 9 }, (_, port) =>
          addressOf("dns4", `${"x.".repeat(100)}example`, port + 1),
        ),
      })),
    });
    expect(bytes.byteLength).toBeLessThan(MAX_EXCHANGE_BYTES);
    const message = decodeExchange(bytes);
    // 256 KiB of announcements, each with 3 bytes around it: 262144 / 1027 = 255
    expect(message?.announcements).toHaveLength(255);
    expect(message?.peers[0]?.addresses).toHaveLength(4);
  });

  it.each([
    ["another version", [2, [], []]],
    ["an announcement above a kilobyte", [1, [new Uint8Array(1025)], []]],
    [
      "more announcements than allowed",
      [1, Array.from({ length: 513 }, () => new Uint8Array()), []],
    ],
    ["a key of 31 bytes", [1, [], [[new Uint8Array(31), []]]]],
    ["an address that is no text", [1, [], [[new Uint8Array(32), [7]]]]],
    ["five addresses", [1, [], [[new Uint8Array(32), Array(5).fill(ADDRESS)]]]],
    ["an address that is too long", [1, [], [[new Uint8Array(32), [`/dns4/${"x".repeat(300)}`]]]]],
    ["a part too few", [1, []]],
  ])("with %s is refused", (_, value) => {
    expect(decodeExchange(encode(value))).toBeNull();
  });

  it("loses what is no address of the peer, one by one, and nothing else", () => {
    const texts = ["/ip4/127.0.0.1/tcp/1/certhash/uEiD", `${ADDRESS}/p2p/${other}`, "x", ADDRESS];
    const own = [`${ADDRESS}/p2p/${peerId}`, "/dnsaddr/a.example"];
    const bytes = encode([
      1,
      [Uint8Array.of(1)],
      [
        [publicKeyOf(peerId).raw, texts],
        [publicKeyOf(peerId).raw, own],
      ],
    ]);
    const kept = { peer: peerId, addresses: addressesOfPeer([ADDRESS], peerId) };
    expect(decodeExchange(bytes)).toEqual({
      announcements: [Uint8Array.of(1)],
      peers: [kept, kept],
    });
  });

  it("is refused when it is too large or nested without end", () => {
    expect(decodeExchange(new Uint8Array(MAX_EXCHANGE_BYTES + 1))).toBeNull();
    expect(decodeExchange(new Uint8Array(MAX_EXCHANGE_BYTES).fill(0x81))).toBeNull();
  });

  it("survives ten thousand arbitrary inputs", () => {
    const anything = fc.uint8Array({ maxLength: 200 });
    const cbor = fc.jsonValue({ maxDepth: 4 }).map((value) => encode(value));
    const shaped = fc
      .tuple(fc.constant(1), fc.array(anything, { maxLength: 3 }), fc.jsonValue())
      .map((value) => encode(value));
    fc.assert(
      fc.property(fc.oneof(anything, cbor, shaped), (input) => {
        const message = decodeExchange(input);
        if (message !== null) expect(message.announcements.length).toBeLessThanOrEqual(512);
      }),
      { numRuns: 10_000 },
    );
  });
});
