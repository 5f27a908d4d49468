import { describe, expect, it } from "vitest";
import { networkConfigSchema } from "../../../src/gossip/index.ts";

const PEER = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

describe("the network section", () => {
  it("has a default and a description for every field", () => {
    const config = networkConfigSchema.parse({});
    for (const [name, field] of Object.entries(networkConfigSchema.shape)) {
      expect(field.description, name).toMatch(/\S.*\./);
      expect(Object.keys(config)).toContain(name);
    }
  });

  it("bounds every number, and refuses unknown keys", () => {
    for (const [name, value] of Object.entries(networkConfigSchema.parse({}))) {
      if (typeof value !== "number") continue;
      for (const bad of [-1, 0.5, 2 ** 53, Number.NaN]) {
        expect(networkConfigSchema.safeParse({ [name]: bad }).success, `${name} ${bad}`).toBe(
          false,
        );
      }
    }
    expect(networkConfigSchema.safeParse({ maxPeer: 3 }).success).toBe(false);
  });

  it("wants a peer id in every bootstrap address, since anybody can answer at an address", () => {
    const parse = (address: string) =>
      networkConfigSchema.safeParse({ bootstrap: [address] }).success;
    expect(parse(`/ip4/127.0.0.1/tcp/1/p2p/${PEER}`)).toBe(true);
    expect(parse(`/dns4/peer.example.org/tcp/7117/p2p/${PEER}`)).toBe(true);
    expect(parse("/ip4/127.0.0.1/tcp/1")).toBe(false);
    expect(parse("127.0.0.1:7117")).toBe(false);
    expect(parse(`/ip4/127.0.0.1/tcp/1/p2p/${PEER}/${"x".repeat(300)}`)).toBe(false);
  });

  it.each([
    ["bootstrap", `/ip4/1.2.3.4/udp/7117/quic-v1/p2p/${PEER}`, "quic-v1 is not spoken"],
    ["bootstrap", `/dns4/a.example/tcp/443/wss/p2p/${PEER}`, "wss is not spoken"],
    ["bootstrap", `/dsn4/a.example/tcp/7117/p2p/${PEER}`, "dsn4 is not spoken"],
    ["bootstrap", "/ip4/1.2.3.4/tcp/7117", "it names no peer id"],
    ["bootstrap", `/ip4/0.0.0.0/tcp/7117/p2p/${PEER}`, "no peer can be reached at 0.0.0.0"],
    ["listen", "/ip4/0.0.0.0/tcp/0/ws", "ws is not spoken"],
    ["listen", "/unix/%2Ftmp%2Fklatch", "unix is not spoken"],
    ["listen", `/ip4/0.0.0.0/tcp/7117/p2p/${PEER}`, "leave out /p2p/"],
    ["announce", "/ip4/0.0.0.0/tcp/7117", "no peer can be reached at 0.0.0.0"],
    ["announce", "/ip4/1.2.3.4/tcp/0", "port 0 is where nobody can be reached"],
  ])("refuses a %s address at the door that could never work: %s", (key, address, reason) => {
    const parsed = networkConfigSchema.safeParse({ [key]: [address] });
    expect(parsed.error?.issues.map(({ message }) => message)).toEqual([
      expect.stringContaining(reason),
    ]);
  });

  it("takes addresses to listen on that are everywhere, on any port", () => {
    const listen = ["/ip4/0.0.0.0/tcp/0", "/ip6/::/tcp/7117", "/ip4/127.0.0.1/tcp/0"];
    expect(networkConfigSchema.parse({ listen }).listen).toEqual(listen);
  });

  it('takes "anyone" or a list of peer ids as members', () => {
    const parse = (members: unknown) => networkConfigSchema.safeParse({ members }).success;
    expect(parse("anyone")).toBe(true);
    expect(parse([PEER])).toBe(true);
    expect(parse([])).toBe(true);
    expect(parse("everyone")).toBe(false);
    expect(parse(["12D3KooW"])).toBe(false);
  });
});
