import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  createNetwork,
  digestOf,
  type FetchOutcome,
  generateIdentity,
  type Identity,
  type Network,
  networkConfigSchema,
  peerIdOf,
  type SignedAnnouncement,
} from "../../../src/gossip/index.ts";
import {
  type NetworkBench,
  networkAcceptance,
} from "../../../testnet/acceptance/network-acceptance.ts";
import { decorated } from "../../../testnet/attacks/attack.ts";
import { createRandom } from "../../../testnet/random.ts";
import { clockOf, Life } from "../../../testnet/simulation/life.ts";
import { MemoryWire } from "../../../testnet/simulation/memory-network.ts";
import { VirtualTime } from "../../../testnet/simulation/virtual-time.ts";

const DEADLINE_MS = 60_000;

/** Real networks on 127.0.0.1, each of which dials those made before it. */
function loopback(): NetworkBench {
  const identities = new Map<string, Identity>();
  const networks: Network[] = [];
  return {
    now: Date.now,
    async create(name) {
      const identity = identities.get(name) ?? (await generateIdentity());
      identities.set(name, identity);
      const config = networkConfigSchema.parse({
        listen: ["/ip4/127.0.0.1/tcp/0"],
        bootstrap: networks.flatMap((network) => network.addresses()),
        ...{ redialBaseMs: 20, redialMaxMs: 100, fetchAttempts: 2 },
        ...{ openWaitMs: 6000, unknownWaitMs: 100 },
      });
      const network = await createNetwork(config, { key: identity.key });
      networks.push(network);
      return network;
    },
    async until(condition) {
      const end = performance.now() + DEADLINE_MS;
      while (!condition() && performance.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}

/** Networks of a memory wire, in virtual time. */
function memory(): NetworkBench {
  const time = new VirtualTime();
  const random = createRandom(1);
  const wire = new MemoryWire(time, { random, lossRate: 0.1, isCut: () => false });
  return {
    now: clockOf(time, new Life()).wallClock,
    create: async (name) => wire.join(peerIdOf(Buffer.alloc(32, name)), new Life()),
    async until(condition) {
      await setImmediate();
      await time.run(time.now + DEADLINE_MS, condition);
    },
  };
}

describe("libp2p on loopback", () => {
  test.concurrent.each(networkAcceptance(loopback))("$name", ({ run }) => run());
});

describe("a memory wire", () => {
  test.each(networkAcceptance(memory))("$name", ({ run }) => run());
});

type Judge = Parameters<Network["onAnnouncement"]>[0];

/** A bench whose networks have some members replaced. */
function broken(breaking: (network: Network, name: string) => Partial<Network>): NetworkBench {
  const bench = memory();
  return {
    ...bench,
    async create(name) {
      const network = await bench.create(name);
      return decorated(network, breaking(network, name));
    },
  };
}

/** Networks whose judges are given in place of the listener's own. */
const judging = (judge: (own: Judge) => Judge) =>
  broken((network) => ({ onAnnouncement: (own) => network.onAnnouncement(judge(own)) }));

/** Networks that make something else of an outcome. */
const fetching = (change: (outcome: FetchOutcome) => FetchOutcome) =>
  broken((network) => ({
    fetch: async (...request) => change(await network.fetch(...request)),
  }));

const failure = (name: "timeout" | "unreachable"): FetchOutcome => ({
  ...{ ok: false, failure: name, detail: "" },
});

/** Hears nothing of the sequence number 2 or above. */
const deaf = (least: number) => (own: Judge) => (signed: SignedAnnouncement) =>
  signed.announcement.sequence >= least
    ? ({ verdict: "ignore", reason: "late" } as const)
    : own(signed);

/** For every case networks that are broken in one way, in which they fail. */
const BROKEN: Readonly<Record<string, () => NetworkBench>> = {
  "tells where it listens, for another's bootstrap list": () =>
    broken(() => ({ addresses: () => ["/ip4/127.0.0.1/tcp/7117"] })),
  "is the same peer in its next process": () => {
    const bench = memory();
    let processes = 0;
    return { ...bench, create: () => bench.create(`process ${++processes}`) };
  },
  "tells who connects and who is gone": () =>
    broken((network) => ({
      onPeer: (tell) =>
        network.onPeer((event, peer) => {
          if (event === "connected") tell(event, peer);
        }),
    })),
  "keeps a banned peer out, its announcements by way of others too, and nobody else": () =>
    broken((network) => ({ ban: () => network.stop() })),
  "counts bytes on both ends, and a reading stays what it was": () =>
    broken((network) => {
      const live = { sent: 0, received: 0 };
      return { traffic: () => Object.assign(live, network.traffic()) };
    }),
  "brings an announcement to every other peer, once, as its author made it": () =>
    judging((own) => (signed) => {
      own(signed);
      return own(signed);
    }),
  "says how many peers an announcement went to directly": () =>
    broken((network) => ({
      announce: async (announcement) => ({
        ...(await network.announce(announcement)),
        recipients: 0,
      }),
    })),
  "tells the newest announcement to who comes later, and by way of others": () => judging(deaf(4)),
  "tells both announcements of an author who contradicts itself, to who comes later too": () =>
    judging(deaf(2)),
  "tells a peer that was started again what it had announced": () =>
    broken((network) => ({
      onAnnouncement: (own) =>
        network.onAnnouncement((signed) =>
          signed.announcement.author === network.peerId
            ? { verdict: "ignore", reason: "replay" }
            : own(signed),
        ),
    })),
  "passes nothing on that was refused, and says what and why": () =>
    judging((own) => (signed) => {
      own(signed);
      return { verdict: "accept", value: undefined };
    }),
  "ignores what has expired": () =>
    broken((network) => ({
      announce: (announcement) =>
        network.announce({ ...announcement, expiresAt: Number.MAX_SAFE_INTEGER }),
    })),
  "serves what is open, to each a copy of its own": () => {
    const kept = new Map<string, Uint8Array>();
    return fetching((outcome) => {
      if (!outcome.ok) return outcome;
      const digest = digestOf(outcome.bytes);
      kept.set(digest, kept.get(digest) ?? outcome.bytes);
      return { ok: true, bytes: kept.get(digest) ?? outcome.bytes };
    });
  },
  "keeps a request waiting until the payload is opened": () =>
    broken((network) => ({
      hold(payload, bytes) {
        network.hold(payload, bytes);
        network.open(payload);
      },
    })),
  "calls a payload missing that is not held, not opened in time or withdrawn": () =>
    broken(() => ({ withdraw: () => undefined })),
  "minds neither what is held twice nor what is opened or withdrawn without being held": () =>
    broken((network) => ({
      hold(payload, bytes) {
        network.withdraw(payload);
        network.hold(payload, bytes);
      },
    })),
  "takes no other bytes than those that were announced": () =>
    fetching((outcome) => (outcome.ok ? outcome : { ok: true, bytes: new Uint8Array() })),
  "takes what is shorter than the most that may come, and nothing longer": () =>
    broken((network) => ({
      fetch: (peer, { digest, bytes }, options) => network.fetch(peer, { digest, bytes }, options),
    })),
  "gives up a peer that is gone as unreachable": () =>
    fetching((outcome) => (outcome.ok ? outcome : failure("timeout"))),
  "gives up when it is told to": () =>
    broken((network) => ({
      fetch: (peer, payload) =>
        network.fetch(peer, payload, { signal: new AbortController().signal }),
    })),
  "brings a statement to every other member, once, as its author signed it": () =>
    broken((network) => ({
      onAgreement: (own) =>
        network.onAgreement((message, from) => {
          own(message, from);
          return own(message, from);
        }),
    })),
  "gives a member that connects later what others hold of the height": () =>
    broken(() => ({ onTellAgreement: () => undefined })),
  "gives a member that was started again what it had said itself": () =>
    broken((network) => ({
      onAgreement: (own) =>
        network.onAgreement((message, from) =>
          "author" in message && message.author === network.peerId
            ? { verdict: "ignore", reason: "replay" }
            : own(message, from),
        ),
    })),
  "gives and takes what is held when it is asked to": () =>
    broken(() => ({ exchangeAgreement: async () => true })),
  "brings a certificate to every member": () =>
    broken((network) => ({
      onAgreement: (own) =>
        network.onAgreement((message, from) =>
          "author" in message ? own(message, from) : { verdict: "ignore", reason: "late" },
        ),
    })),
  "takes nothing that is malformed or that another has signed, and says so": () =>
    broken(() => ({ onRefused: () => undefined })),
  "hears nothing of it in mode gossip": () =>
    broken((network) => ({
      agreementTerms: (terms) =>
        network.agreementTerms(terms ?? { run: "a".repeat(64), rosterAt: () => [network.peerId] }),
    })),
  "gives the chain from a height on, page by page, and then none": () =>
    broken((network) => ({
      fetchChain: (peer, _, options) => network.fetchChain(peer, 0, options),
    })),
  "calls a chain that is none malformed, and a peer that is gone unreachable": () =>
    broken((network) => ({
      fetchChain: async (...request) => {
        const outcome = await network.fetchChain(...request);
        return outcome.ok ? outcome : { ok: true, entries: [] };
      },
    })),
};

describe("a network that is broken (control)", () => {
  test("is known for every case", () => {
    const names = networkAcceptance(memory).map(({ name }) => name);

    expect(Object.keys(BROKEN)).toEqual(names);
  });

  test.each(Object.entries(BROKEN))("fails: %s", async (name, make) => {
    const failing = networkAcceptance(make).find((each) => each.name === name);

    await expect(failing?.run()).rejects.toThrow(
      expect.objectContaining({ code: "ERR_ASSERTION" }),
    );
  });
});
