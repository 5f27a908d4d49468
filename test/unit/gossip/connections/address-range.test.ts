import { describe, expect, it } from "vitest";
import { type Address, parseListenAddress } from "../../../../src/gossip/connections/address.ts";
import {
  isNowhere,
  isWithin,
  type Range,
  rangeOf,
} from "../../../../src/gossip/connections/address-range.ts";

function at(host: string): Address {
  const kind = host.includes(":") ? "ip6" : /^[0-9.]+$/.test(host) ? "ip4" : "dns";
  const parsed = parseListenAddress(`/${kind}/${host}/tcp/1`);
  if ("refusal" in parsed) throw new Error(parsed.refusal);
  return parsed.address;
}

describe("the range of a host", () => {
  it.each<[Range | null, readonly string[]]>([
    ["loopback", ["127.0.0.1", "127.255.255.254", "::1"]],
    ["link-local", ["169.254.169.254", "fe80::1", "febf::1"]],
    [
      "private",
      ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd00::1"],
    ],
    [
      "public",
      ["9.255.255.255", "11.0.0.1", "172.32.0.1", "192.169.0.1", "100.128.0.1", "2a00::1"],
    ],
    [null, ["localhost", "a.example"]],
  ])("is %s", (range, hosts) => {
    for (const host of hosts) expect(rangeOf(at(host)), host).toBe(range);
  });

  it("is nowhere for what no peer can have", () => {
    const nowhere = ["0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "ff02::1"];
    const tunnels = ["2002:7f00:1::", "2001:0:7f00:1::", "64:ff9b::7f00:1", "fec0::1", "::2"];
    for (const host of [...nowhere, ...tunnels]) expect(isNowhere(at(host)), host).toBe(true);
    for (const host of ["1.2.3.4", "10.0.0.1", "::1", "2001:db8::1", "2a00::1", "fd00::1"]) {
      expect(isNowhere(at(host)), host).toBe(false);
    }
  });
});

describe("what a peer may tell of", () => {
  const hosts = {
    public: "1.2.3.4",
    private: "10.0.0.1",
    linkLocal: "169.254.1.1",
    loop: "127.0.0.1",
  };

  it.each<[Range, readonly string[]]>([
    ["public", [hosts.public]],
    ["private", [hosts.public, hosts.private]],
    ["link-local", [hosts.public, hosts.private, hosts.linkLocal]],
    ["loopback", [hosts.public, hosts.private, hosts.linkLocal, hosts.loop]],
  ])("over a %s connection is what is no nearer than itself", (over, allowed) => {
    expect(Object.values(hosts).filter((host) => isWithin(at(host), over))).toEqual(allowed);
  });

  it("is any name, which is judged when it is dialled", () => {
    expect(isWithin(at("localhost"), "public")).toBe(true);
  });
});
