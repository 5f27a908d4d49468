import { expect, test } from "vitest";
import { ownAddresses } from "../../../../src/node/admission/own-addresses.ts";

const face = (address: string, family: "IPv4" | "IPv6", internal = false) => ({
  ...{ address, internal, netmask: "", mac: "", cidr: null },
  ...(family === "IPv4" ? { family } : { family, scopeid: 0 }),
});
const MACHINE = {
  lo: [face("127.0.0.1", "IPv4", true), face("::1", "IPv6", true)],
  eth0: [face("192.168.1.5", "IPv4"), face("fe80::1", "IPv6"), face("2001:db8::5", "IPv6")],
};
const listening = (...listen: string[]) => ownAddresses({ announce: [], listen }, MACHINE);

test("a node is where it announces, whatever it listens on", () => {
  const announce = ["/dns/peer.example.org/tcp/7117"];
  const listen = ["/ip4/0.0.0.0/tcp/7117"];

  expect(ownAddresses({ announce, listen }, MACHINE)).toEqual(announce);
});

test("listening everywhere, it is at every address that others may reach", () => {
  expect(listening("/ip4/0.0.0.0/tcp/7117")).toEqual(["/ip4/192.168.1.5/tcp/7117"]);
  expect(listening("/ip6/::/tcp/7117")).toEqual(["/ip6/2001:db8::5/tcp/7117"]);
  const { lo } = MACHINE;
  const alone = ownAddresses({ announce: [], listen: ["/ip4/0.0.0.0/tcp/1"] }, { lo });
  expect(alone).toEqual(["/ip4/127.0.0.1/tcp/1"]);
});

test("a port that is still to be chosen leads nowhere", () => {
  expect(listening("/ip4/0.0.0.0/tcp/0", "/ip4/10.0.0.7/tcp/7117")).toEqual([
    "/ip4/10.0.0.7/tcp/7117",
  ]);
  expect(listening("/ip4/10.0.0.7/tcp/10")).toEqual(["/ip4/10.0.0.7/tcp/10"]);
});
