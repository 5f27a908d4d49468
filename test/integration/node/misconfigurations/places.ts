import { once } from "node:events";
import { request } from "node:http";
import { createServer } from "node:net";
import { onTestFinished } from "vitest";
import { checkAddresses, checkIpv6 } from "../../../../src/node/doctor/reach.ts";
import {
  createStatusServer,
  type StatusServerDeps,
} from "../../../../src/node/http/status-server.ts";
import { createMetrics } from "../../../../src/node/peer/metrics.ts";
import { freePorts } from "../../../../testnet/processes/free-ports.ts";
import { byDoctor, byFinding, byFlags, checked, type Misconfiguration, makeNode } from "./case.ts";
import { OTHERS } from "./settings.ts";

const [OTHER, THIRD] = OTHERS;
const QUIET = { "status.enabled": "false" };

/** A machine with one address of a family, which this one need not have. */
const machineAt = (address: string, family: "IPv4" | "IPv6" = "IPv4") => ({
  eth0: [
    {
      ...{ address, family, internal: false, mac: "02:00:00:00:00:01", netmask: "", cidr: null },
      ...(family === "IPv6" ? { scopeid: 0 } : {}),
    } as never,
  ],
});

/** Where a node listens, what it tells others of itself, and whom it calls. */
export const PLACES: readonly Misconfiguration[] = [
  {
    planted: "a port that another program has",
    namedBy: "doctor ports",
    words: /network\.listen: cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)/,
    fix: /stop what uses it, or change network\.listen/,
    plant: async () => {
      const node = await makeNode();
      const other = createServer().listen(0, "127.0.0.1");
      await once(other, "listening");
      onTestFinished(() => void other.close());
      const { port } = other.address() as { port: number };
      const flags = { ...QUIET, "network.listen": `/ip4/127.0.0.1/tcp/${port}` };
      return {
        say: () => byDoctor("ports", node.groundOf(flags)),
        mend: () => new Promise((resolve) => other.close(resolve)),
      };
    },
  },
  {
    planted: "two keys that name one port",
    namedBy: "doctor ports",
    words: /status\.port: cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)/,
    fix: /another key names port \d+ too: change status\.port/,
    plant: async () => {
      const node = await makeNode();
      const [one = 0, two = 0] = await freePorts(2);
      const listen = { "network.listen": `/ip4/127.0.0.1/tcp/${one}` };
      return byFlags(
        { ...listen, "status.port": `${one}` },
        { ...listen, "status.port": `${two}` },
        (flags) => byDoctor("ports", node.groundOf(flags)),
      );
    },
  },
  {
    planted: "an outer address where the node listens",
    ...checked("ports", () => ({
      wrong: { ...QUIET, "network.listen": "/ip4/203.0.113.7/tcp/7117" },
      right: {
        ...{ ...QUIET, "network.listen": "/ip4/0.0.0.0/tcp/0" },
        "network.announce": "/ip4/203.0.113.7/tcp/7117",
      },
    })),
    words: /cannot listen on 203\.0\.113\.7:7117 \(EADDRNOTAVAIL\)/,
    fix: /listen on 0\.0\.0\.0, and name the outer address in network\.announce/,
  },
  {
    planted: "a status endpoint that other machines reach",
    ...checked("status", () => ({
      wrong: { "status.host": "0.0.0.0" },
      right: { "status.host": "127.0.0.1" },
    })),
    words: /status\.host 0\.0\.0\.0 can be reached by other machines/,
    fix: /use 127\.0\.0\.1, or set status\.allowRemote/,
  },
  {
    planted: "a proxy in front of the status endpoint",
    namedBy: "doctor status",
    words: /refuses who asks for it as klatch\.bank\.example, as a proxy may \(403/,
    fix: /add klatch\.bank\.example to status\.hostnames/,
    plant: async () => {
      const node = await makeNode();
      const remote = {
        ...{ "status.host": "0.0.0.0", "status.allowRemote": "true" },
        "network.announce": "/dns/klatch.bank.example/tcp/7117",
      };
      return byFlags(remote, { ...remote, "status.hostnames": "klatch.bank.example" }, (flags) =>
        byDoctor("status", node.groundOf(flags)),
      );
    },
  },
  {
    planted: "a proxy in front of the status endpoint, asked through",
    namedBy: "the endpoint's answer",
    words: /403: unknown Host header/,
    fix: /status\.hostnames/,
    plant: async () => {
      const node = await makeNode();
      const local = { "status.port": "0" };
      return byFlags(
        local,
        { ...local, "status.hostnames": "klatch.bank.example" },
        async (flags) => {
          const deps = { metrics: createMetrics(), dataDir: node.dataDir } as StatusServerDeps;
          const server = createStatusServer(node.configOf(flags).status, deps);
          await server.start(AbortSignal.timeout(10_000));
          const { code, text } = await askAs("klatch.bank.example", `${server.url}/v1/healthz`);
          await server.stop();
          return code === 200 ? null : { words: `${code}: ${text}`, fix: text };
        },
      );
    },
  },
  {
    planted: "IPv6 alone, and members without it",
    namedBy: "doctor ipv6",
    words: /network\.listen is IPv6 alone: members without it cannot call/,
    fix: /add \/ip4\/0\.0\.0\.0\/tcp\/PORT to network\.listen/,
    plant: async () => {
      const node = await makeNode();
      const bootstrap = { "network.bootstrap": `/ip4/192.0.2.1/tcp/7117/p2p/${OTHER}` };
      const six = machineAt("2001:db8::7", "IPv6");
      return byFlags(
        { ...bootstrap, "network.listen": "/ip6/::/tcp/7117" },
        { ...bootstrap, "network.listen": "/ip6/::/tcp/7117,/ip4/0.0.0.0/tcp/7117" },
        (flags) => byFinding(checkIpv6(node.groundOf(flags), six)),
      );
    },
  },
  {
    planted: "a member at an IPv6 address, and a machine without",
    namedBy: "doctor ipv6",
    words: /1 members have IPv6 addresses, and this machine has no IPv6 beyond itself/,
    fix: /give this machine IPv6, or name an IPv4 address/,
    plant: async () => {
      const node = await makeNode();
      const at = (address: string) => ({ "network.bootstrap": `${address}/tcp/7117/p2p/${OTHER}` });
      return byFlags(at("/ip6/2001:db8::9"), at("/ip4/192.0.2.1"), (flags) =>
        byFinding(checkIpv6(node.groundOf(flags), machineAt("192.0.2.7"))),
      );
    },
  },
  {
    planted: "a node behind NAT that announces nothing",
    namedBy: "doctor addresses",
    words: /192\.168\.1\.7\/tcp\/7117: private, behind NAT; members outside cannot call/,
    fix: /forward the port at the router and name it in network\.announce/,
    plant: async () => {
      const node = await makeNode();
      const others = { "network.bootstrap": `/ip4/192.0.2.1/tcp/7117/p2p/${OTHER}` };
      return byFlags(
        others,
        { ...others, "network.announce": "/ip4/203.0.113.7/tcp/7117" },
        (flags) => byFinding(checkAddresses(node.groundOf(flags), machineAt("192.168.1.7"))),
      );
    },
  },
  {
    planted: "a carrier's NAT, where no port can be forwarded",
    namedBy: "doctor addresses",
    words: /100\.72\.0\.9\/tcp\/7117: behind a carrier's NAT/,
    fix: /so that this node calls them/,
    plant: async () => {
      const node = await makeNode();
      const flags = { "network.bootstrap": `/ip4/192.0.2.1/tcp/7117/p2p/${OTHER}` };
      let machine = machineAt("100.72.0.9");
      return {
        say: () => byFinding(checkAddresses(node.groundOf(flags), machine)),
        mend: () => {
          // another provider
          machine = machineAt("198.51.100.9");
        },
      };
    },
  },
  {
    planted: "loopback alone, and members elsewhere",
    ...checked("addresses", ({ peerId }) => {
      const others = {
        "run.members": `${OTHER},${peerId}`,
        "network.bootstrap": `/ip4/192.168.1.9/tcp/7117/p2p/${OTHER}`,
      };
      return {
        wrong: { ...others, "network.listen": "/ip4/127.0.0.1/tcp/7117" },
        right: { ...others, "network.listen": "/ip4/192.168.1.7/tcp/7117" },
      };
    }),
    words: /127\.0\.0\.1\/tcp\/7117: this machine alone can call it/,
    fix: /listen on \/ip4\/0\.0\.0\.0/,
  },
  {
    planted: "two members behind one address",
    ...checked("bootstrap", ({ peerId }) => {
      const at = (port: number, peer: string) => `/ip4/192.0.2.1/tcp/${port}/p2p/${peer}`;
      const members = { "run.members": [OTHER, THIRD, peerId].join(",") };
      return {
        wrong: { ...members, "network.bootstrap": `${at(7117, OTHER)},${at(7117, THIRD)}` },
        right: { ...members, "network.bootstrap": `${at(7117, OTHER)},${at(7118, THIRD)}` },
      };
    }),
    words: /are both at \/ip4\/192\.0\.2\.1\/tcp\/7117/,
    fix: /give each its own port/,
  },
  {
    planted: "this node itself in its bootstrap list",
    ...checked("bootstrap", ({ peerId }) => {
      const members = { "run.members": `${OTHER},${peerId}` };
      const at = (peer: string) => ({ "network.bootstrap": `/ip4/192.0.2.1/tcp/7117/p2p/${peer}` });
      return { wrong: { ...members, ...at(peerId) }, right: { ...members, ...at(OTHER) } };
    }),
    words: /is this node itself/,
    fix: /name the others/,
  },
  {
    planted: "a bootstrap peer that is no member",
    ...checked("bootstrap", ({ peerId }) => {
      const at = { "network.bootstrap": `/ip4/192.0.2.1/tcp/7117/p2p/${THIRD}` };
      return {
        wrong: { ...at, "run.members": `${OTHER},${peerId}` },
        right: { ...at, "run.members": `${OTHER},${THIRD},${peerId}` },
      };
    }),
    words: /is not in run\.members/,
    fix: /add it to run\.members on every peer/,
  },
  {
    planted: "no address of anybody",
    ...checked("bootstrap", ({ peerId }) => {
      const members = { "run.members": `${OTHER},${peerId}` };
      const at = { "network.bootstrap": `/ip4/192.0.2.1/tcp/7117/p2p/${OTHER}` };
      return { wrong: members, right: { ...members, ...at } };
    }),
    words: /network\.bootstrap is empty: this node calls nobody/,
    fix: /name the address of another member/,
  },
  {
    planted: "a name in an address that stands for nothing",
    ...checked("names", () => {
      const at = (host: string) => ({ "network.bootstrap": `/dns4/${host}/tcp/7117/p2p/${OTHER}` });
      return { wrong: at("mistyped.invalid"), right: at("localhost") };
    }),
    // without any network the name server is what is missing
    words: /mistyped\.invalid: no (such name|name server answers)/,
    fix: /correct it in network\.bootstrap|reaches its name server/,
  },
];

// --- internal ---

/** What an endpoint says to who asks under a name, as a proxy does that passes it on. */
function askAs(host: string, url: string): Promise<{ code: number; text: string }> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { host } }, (response) => {
      let body = "";
      response.on("data", (part) => {
        body += part;
      });
      response.on("end", () => {
        const { error = "" } = JSON.parse(body) as { error?: string };
        resolve({ code: response.statusCode ?? 0, text: error });
      });
    })
      .on("error", reject)
      .end();
  });
}
