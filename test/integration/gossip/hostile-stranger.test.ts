import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { generateIdentity } from "../../../src/gossip/index.ts";
import { gone, knock, leaveAll, line, proposal, rawConnection } from "../../support/raw-channel.ts";
import { startRawPeer, stopRawPeers } from "../../support/raw-peer.ts";
import { type NetworkChoices, Victim } from "../../support/victim.ts";
import { startNode, stopNodes } from "./network-fixture.ts";

afterEach(async () => {
  leaveAll();
  await stopNodes();
  await stopRawPeers();
});

const MIB = 1024 * 1024;
const STRANGERS = 600;
/** Without limits it is half a minute. */
const LAG_MS = 1000;
/** Room for 256 handshakes from one host: the least there is. */
const MAX_PEERS = 16;
const NOTHING = new Uint8Array();

/** A victim for which only these are members, and one of them is connected with it. */
async function scene(choices: NetworkChoices = {}) {
  const [friend, late] = [await generateIdentity(), await generateIdentity()];
  const members = [friend.peerId, late.peerId];
  const victim = await Victim.start({ config: { members, maxPeers: MAX_PEERS }, ...choices });
  const config = { bootstrap: [victim.listening.address], redialBaseMs: 100, redialMaxMs: 1000 };
  const node = await startNode({ identity: friend, config });
  await victim.state(({ peers }) => peers.length === 1);
  return { victim, config, friend, late, node, end: await victim.watch() };
}

/** Milliseconds until all of this has happened. */
async function duration(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

describe("six hundred strangers", () => {
  it.each([
    ["say nothing, again and again", NOTHING, Number.POSITIVE_INFINITY],
    ["say hello and no more", proposal("/noise"), 1],
  ])("that %s are sent away, and members get in past them", async (_what, words, times) => {
    const { victim, config, friend, late, node, end } = await scene();
    const stays: number[] = [];
    let knocking = true;
    const stranger = async () => {
      for (let time = 0; knocking && time < times; time += 1) {
        const socket = knock(victim.port, words);
        stays.push(await duration(() => gone(socket)));
      }
    };
    const strangers = Array.from({ length: STRANGERS }, stranger);
    const newcomer = await duration(async () => {
      await startNode({ identity: late, config });
      await victim.state(({ peers }) => peers.includes(late.peerId));
    });
    await node.network.stop();
    await victim.state(({ peers }) => !peers.includes(friend.peerId));
    const comeback = await duration(async () => {
      await startNode({ identity: friend, config });
      await victim.state(({ peers }) => peers.includes(friend.peerId));
    });
    knocking = false;
    await Promise.all(strangers);
    const course = await end();
    expect(Math.max(newcomer, comeback)).toBeLessThan(10_000);
    // libp2p alone gives each of them ten seconds
    expect(stays.toSorted((a, b) => a - b)[stays.length >> 1]).toBeLessThan(9000);
    expect(course.grownBy).toBeLessThan(100 * MIB);
    expect(course.lagMs).toBeLessThan(LAG_MS);
    const away = await victim.said(({ message }) => message === "turned a visitor away");
    expect(away.host).toBe("127.0.0.1");
  });

  it("that say nothing keep members out where there are no limits", async () => {
    const { victim, config, late } = await scene({ unlimited: true, limits: { atOnce: 64 } });
    const sockets = Array.from({ length: STRANGERS }, () => knock(victim.port, NOTHING));
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    const node = await startNode({ identity: late, config });
    await node.until(() => node.log.includes("could not connect"), "failed attempt");
    expect((await victim.state()).peers).not.toContain(late.peerId);
  });
});

describe("strangers that propose protocols without end", () => {
  const flood = Buffer.concat([line("/multistream/1.0.0"), ...Array(20_000).fill(line("a"))]);

  it("are not answered once", async () => {
    const { victim, config, late, end } = await scene();
    const heard = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const socket = knock(victim.port, flood);
        let bytes = 0;
        socket.on("data", (data) => {
          bytes += data.byteLength;
        });
        await gone(socket);
        return bytes;
      }),
    );
    await startNode({ identity: late, config });
    await victim.state(({ peers }) => peers.length === 2);
    expect(new Set(heard)).toEqual(new Set([0]));
    const course = await end();
    expect(course.grownBy).toBeLessThan(100 * MIB);
    expect(course.lagMs).toBeLessThan(LAG_MS);
    expect(course.always).toHaveLength(1);
  });

  it("are answered as often as they like by libp2p alone", async () => {
    const peer = await startRawPeer();
    const port = Number(/tcp\/(\d+)/.exec(String(peer.getMultiaddrs()[0]))?.[1]);
    const socket = knock(port, flood);
    let answers = "";
    while (answers.split("na\n").length < 1000) answers += (await once(socket, "data"))[0];
  });
});

describe("a stranger that begins handshakes in vain", () => {
  const KNOCKS = 1500;
  /** A message of Noise that whoever gets it answers with a key exchange and a signature: any 32 bytes are a key. */
  const begin = () => Buffer.concat([proposal("/noise"), Buffer.of(0, 32), randomBytes(32)]);

  /** Knocks from an address of its own, 64 at a time, and hangs up when it is answered; how many were. */
  async function flood(victim: Victim): Promise<number> {
    let [left, answered] = [KNOCKS, 0];
    const visitor = async () => {
      for (; left > 0; left -= 1) {
        const socket = knock(victim.port, begin(), "127.0.0.2");
        let bytes = 0;
        socket.on("data", (data) => {
          bytes += data.byteLength;
          if (bytes <= proposal("/noise").byteLength) return;
          answered += 1;
          socket.destroy();
        });
        await gone(socket);
      }
    };
    await Promise.all(Array.from({ length: 64 }, visitor));
    return answered;
  }

  it("is answered some hundred times and then a few times a second, while members get in", async () => {
    const { victim, config, late, end } = await scene();
    const started = performance.now();
    const flooding = flood(victim);
    const comeIn = await duration(async () => {
      await startNode({ identity: late, config });
      await victim.state(({ peers }) => peers.includes(late.peerId));
    });
    const answered = await flooding;
    const seconds = (performance.now() - started) / 1000;
    expect(answered).toBeLessThan(256 + 16 * seconds + 1);
    expect(comeIn).toBeLessThan(10_000);
    const course = await end();
    expect(course.grownBy).toBeLessThan(100 * MIB);
    expect(course.lagMs).toBeLessThan(LAG_MS);
    expect(course.always).toHaveLength(1);
    const away = await victim.said(({ host }) => host === "127.0.0.2");
    expect(away.why).toBe("began too many handshakes in vain");
  });

  it("is answered every time where there are no limits", async () => {
    const { victim } = await scene({ unlimited: true });
    expect(await flood(victim)).toBeGreaterThanOrEqual(KNOCKS);
  });
});

describe("a stranger that shakes hands", () => {
  it("is refused by name before anything is negotiated", async () => {
    const { victim } = await scene();
    const { key, peerId } = await generateIdentity();
    const { socket, channel } = await rawConnection(victim.listening.address, key);
    const heard: unknown[] = [];
    channel.addEventListener("message", ({ data }) => heard.push(data));
    await new Promise((resolve) => socket.addEventListener("close", resolve));
    expect(heard).toEqual([]);
    const refused = await victim.said(({ message }) => message === "refused a connection");
    expect(refused).toMatchObject({ peer: peerId, reason: "not-member" });
  });
});
