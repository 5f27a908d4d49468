import { setImmediate as turn } from "node:timers/promises";
import type { Connection, Libp2p } from "@libp2p/interface";
import { afterEach, describe, expect, it } from "vitest";
import { addressesOfPeer, parseAddress } from "../../../../src/gossip/connections/address.ts";
import type { Range } from "../../../../src/gossip/connections/address-range.ts";
import { DialPlan } from "../../../../src/gossip/connections/dial-plan.ts";
import { DROPPED } from "../../../../src/gossip/connections/dial-reason.ts";
import { Dialer } from "../../../../src/gossip/connections/dialer.ts";
import { generateIdentity } from "../../../../src/gossip/index.ts";

const [PEER = "", SELF = "", ...OTHERS] = await Promise.all(
  Array.from({ length: 24 }, async () => (await generateIdentity()).peerId),
);

type Answer = "answers" | "refuses" | "is silent";

/** A dialler of a node whose world is a table: what is not in it refuses. Names stand for what the test says. */
class World {
  readonly dialled: string[] = [];
  readonly lookedUp: string[] = [];
  readonly said: { readonly level: string; readonly fields: object }[] = [];
  readonly plan = new DialPlan({ baseMs: 10, maxMs: 20, random: () => 0 }, 100);
  readonly dialer: Dialer;
  readonly #answers: Readonly<Record<string, Answer>>;
  readonly #open = new Map<string, Connection>();

  constructor(answers: Readonly<Record<string, Answer>>, names: Record<string, string[]> = {}) {
    this.#answers = answers;
    const node = {
      dial: (target: object, { signal }: { signal: AbortSignal }) =>
        this.#dial(`${target}`, signal),
      getPeers: () => [...this.#open.keys()],
      getConnections: (peer: object) =>
        [...this.#open.values()].slice(0, this.#open.has(`${peer}`) ? 1 : 0),
    } as unknown as Libp2p;
    const lookup =
      (who: string) =>
      async ({ host }: { host: string }) => {
        this.lookedUp.push(`${who} ${host}`);
        return names[host] ?? [];
      };
    const log = (level: string) => (fields: object, message: string) => {
      if (message === "could not connect") this.said.push({ level, fields });
    };
    this.dialer = new Dialer(node, this.plan, {
      dialTimeoutMs: 200,
      maxPeers: 100,
      now: Date.now,
      log: { debug: log("debug"), info: log("info"), warn: log("warn") },
      lookups: { operator: lookup("operator"), learnt: lookup("learnt") },
    });
    running.push(this.dialer);
  }

  pin(address: string, peer = PEER): void {
    this.plan.pin(peer, addressesOfPeer([address], peer), 0);
  }

  tell(addresses: readonly string[], over: Range = "public", peer = PEER): void {
    this.plan.learn({ peer, teller: peer, addresses: addressesOfPeer(addresses, peer), over }, 0);
  }

  async #dial(target: string, signal: AbortSignal): Promise<Connection> {
    const parsed = parseAddress(target);
    if ("refusal" in parsed) throw new Error(parsed.refusal);
    const { text } = parsed.address;
    this.dialled.push(text);
    const answer = this.#answers[text] ?? "refuses";
    if (answer === "is silent") {
      await new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    }
    if (answer === "refuses") throw Object.assign(new Error("no"), { code: "ECONNREFUSED" });
    const connection = {
      ...{ status: "open", direction: "outbound" },
      remotePeer: { toString: () => parsed.peer },
    } as unknown as Connection;
    this.#open.set(parsed.peer ?? "", connection);
    return connection;
  }
}

const running: Dialer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((dialer) => dialer.stop()));
});

const at = (host: string) => `/ip4/${host}/tcp/7117`;

describe("an attempt at a peer", () => {
  it("begins with the operator's address, and ends there when it answers", async () => {
    const world = new World({ [at("1.1.1.1")]: "answers", [at("2.2.2.2")]: "answers" });
    world.tell([at("2.2.2.2")]);
    world.pin(at("1.1.1.1"));
    expect(await world.dialer.connect(PEER)).not.toBeNull();
    expect(world.dialled).toEqual([at("1.1.1.1")]);
  });

  it("comes past addresses that are silent: each has its share of the time", async () => {
    const silent = { [at("1.1.1.1")]: "is silent", [at("2.2.2.2")]: "is silent" } as const;
    const world = new World({ ...silent, [at("3.3.3.3")]: "answers" });
    world.pin(at("1.1.1.1"));
    world.tell([at("2.2.2.2"), at("3.3.3.3")]);
    expect(await world.dialer.connect(PEER)).not.toBeNull();
    expect(world.dialled).toEqual([at("1.1.1.1"), at("2.2.2.2"), at("3.3.3.3")]);
    // next time it begins where the peer answered
    expect(world.plan.addressesOf(PEER)?.learnt.map(({ address }) => address.text)).toEqual([
      at("3.3.3.3"),
      at("2.2.2.2"),
    ]);
  });

  it("is one for all who ask at the same time", async () => {
    const world = new World({ [at("1.1.1.1")]: "answers" });
    world.pin(at("1.1.1.1"));
    await Promise.all([world.dialer.connect(PEER), world.dialer.connect(PEER)]);
    expect(world.dialled).toEqual([at("1.1.1.1")]);
  });

  it("that fails names the operator's address and why, aloud once", async () => {
    const world = new World({});
    world.pin(at("1.1.1.1"));
    world.tell([at("2.2.2.2")]);
    for (let times = 0; times < 3; times += 1) expect(await world.dialer.connect(PEER)).toBeNull();
    const failure = { address: at("1.1.1.1"), reason: "connection refused" };
    expect(world.plan.failures().get(PEER)).toMatchObject(failure);
    expect(world.said.map(({ level }) => level)).toEqual(["info", "debug", "debug"]);
    expect(world.said[0]?.fields).toEqual({ peer: PEER, ...failure });
  });

  it("that a peer ends before its first word was none, however long that takes", async () => {
    const world = new World({ [at("1.1.1.1")]: "answers" });
    world.pin(at("1.1.1.1"));
    await world.dialer.connect(PEER);
    world.dialer.lost(PEER);
    const dropped = { address: at("1.1.1.1"), reason: DROPPED };
    expect(world.plan.failures().get(PEER)).toMatchObject(dropped);
    // and between two drops it is told as well
    const connection = await world.dialer.connect(PEER);
    expect(world.plan.failures().get(PEER)).toMatchObject(dropped);

    if (connection !== null) world.dialer.heard(connection);
    expect(world.plan.failures().size).toBe(0);
    world.dialer.lost(PEER);
    expect(world.plan.failures().size).toBe(0);
  });

  it("at a peer that nobody told of is none", async () => {
    expect(await new World({}).dialer.connect(SELF)).toBeNull();
  });
});

describe("a name", () => {
  const names = { "a.example": ["127.0.0.1", "10.0.0.1", "1.1.1.1", "0.0.0.0"] };
  const told = ["/dns4/a.example/tcp/7117"];

  it.each<[Range, readonly string[]]>([
    ["public", [at("1.1.1.1")]],
    ["private", [at("10.0.0.1"), at("1.1.1.1")]],
    ["loopback", [at("127.0.0.1"), at("10.0.0.1"), at("1.1.1.1")]],
  ])("that was told over a %s connection leads no nearer than that", async (over, dialled) => {
    const world = new World({}, names);
    world.tell(told, over);
    await world.dialer.connect(PEER);
    expect(world.dialled).toEqual(dialled);
    expect(world.lookedUp).toEqual(["learnt a.example"]);
  });

  it("that leads nowhere else is not dialled, and that is the reason", async () => {
    const world = new World({}, { "a.example": ["169.254.169.254"] });
    world.tell(told);
    await world.dialer.connect(PEER);
    expect(world.dialled).toEqual([]);
    expect(world.plan.failures().get(PEER)?.reason).toMatch(/may not name/);
  });

  it("that the operator wrote leads anywhere", async () => {
    const world = new World({}, { "a.example": ["127.0.0.1"] });
    world.pin("/dns4/a.example/tcp/7117");
    await world.dialer.connect(PEER);
    expect(world.dialled).toEqual([at("127.0.0.1")]);
    expect(world.lookedUp).toEqual(["operator a.example"]);
  });
});

describe("many peers whose addresses were told and are silent", () => {
  it("take no place from the operator's", async () => {
    const world = new World({ [at("9.9.9.9")]: "is silent", [at("1.1.1.1")]: "answers" });
    for (const peer of OTHERS) world.tell([at("9.9.9.9")], "public", peer);
    world.dialer.wake();
    await turn();
    // eight at a time
    expect(world.dialled).toHaveLength(8);
    world.pin(at("1.1.1.1"));
    world.dialer.wake();
    await turn();
    expect(world.dialled.slice(8)).toEqual([at("1.1.1.1")]);
  });
});
