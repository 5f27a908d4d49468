import { multiaddr } from "@multiformats/multiaddr";
import { afterEach, describe, expect, it } from "vitest";
import { GREETING_PROTOCOL } from "../../../src/gossip/greetings/greetings.ts";
import type { Greeting } from "../../../src/gossip/index.ts";
import type { PeerId } from "../../../src/types.ts";
import { startRawPeer, stopRawPeers } from "../../support/raw-peer.ts";
import { poll, startNode, stopNodes, type TestNode } from "./network-fixture.ts";

afterEach(async () => {
  await stopNodes();
  await stopRawPeers();
});

const HOUR = 3_600_000;
const bytes = (text: string) => new TextEncoder().encode(text);

/** A node that says this, with all that it is told. */
async function greeter(says: string, choices: Parameters<typeof startNode>[0] = {}) {
  const heard = new Map<PeerId, Greeting[]>();
  const left: PeerId[] = [];
  const node = await startNode({
    ...choices,
    prepare: (network) => {
      network.greet(bytes(says));
      network.onGreeting((from, greeting) =>
        heard.set(from, [...(heard.get(from) ?? []), greeting]),
      );
      network.onPeer((event, peer) => {
        if (event === "left") left.push(peer);
      });
    },
  });
  const said = (by: TestNode) =>
    (heard.get(by.identity.peerId) ?? []).map(({ body }) => body && new TextDecoder().decode(body));
  return { node, heard, left, said };
}

describe("two nodes that meet", () => {
  it("hear what the other says, whoever dialled", async () => {
    const anna = await greeter("I am Anna");
    const bert = await greeter("I am Bert", { config: { bootstrap: [anna.node.address] } });
    await poll(
      () => anna.said(bert.node).length > 0 && bert.said(anna.node).length > 0,
      "two greetings",
    );
    expect(new Set(anna.said(bert.node))).toEqual(new Set(["I am Bert"]));
    expect(new Set(bert.said(anna.node))).toEqual(new Set(["I am Anna"]));
  });

  it("know how far their clocks are apart", async () => {
    const anna = await greeter("");
    const ahead = () => Date.now() + 2 * HOUR;
    const bert = await greeter("", { now: ahead, config: { bootstrap: [anna.node.address] } });
    const clockOf = ({ heard }: typeof anna, { node }: typeof anna) =>
      heard.get(node.identity.peerId)?.find(({ clock }) => clock !== null)?.clock;
    await poll(() => [clockOf(anna, bert), clockOf(bert, anna)].every(Boolean), "both clocks");
    const off = [clockOf(anna, bert), clockOf(bert, anna)].map((clock) => clock?.offsetMs ?? 0);
    expect(Math.abs((off[0] ?? 0) - 2 * HOUR)).toBeLessThan(5000);
    expect(Math.abs((off[1] ?? 0) + 2 * HOUR)).toBeLessThan(5000);
  });

  it("are told when one of them stops, and not when its line breaks (control)", async () => {
    const anna = await greeter("");
    const bert = await greeter("", { config: { bootstrap: [anna.node.address] } });
    await anna.node.until(() => anna.node.connected.size === 1, "connection");
    anna.node.network.ban(bert.node.identity.peerId);
    await bert.node.until(() => bert.node.connected.size === 0, "a broken line");
    expect(bert.left).toEqual([]);

    const carl = await greeter("", { config: { bootstrap: [anna.node.address] } });
    await anna.node.until(() => anna.node.connected.has(carl.node.identity.peerId), "connection");
    await carl.node.network.stop();
    await poll(() => anna.left.length > 0, "farewell");
    expect(anna.left).toEqual([carl.node.identity.peerId]);
  });
});

describe("a clock that is set while two are connected", () => {
  it("is measured again", async () => {
    let [ahead, passed] = [2 * HOUR, 0];
    const now = () => Date.now() + passed;
    const anna = await greeter("", { now, config: { syncIntervalMs: 100 } });
    const bert = await greeter("", {
      now: () => now() + ahead,
      config: { bootstrap: [anna.node.address], syncIntervalMs: 100 },
    });
    const offset = () =>
      (anna.heard.get(bert.node.identity.peerId) ?? [])
        .flatMap(({ clock }) => (clock === null ? [] : [clock.offsetMs]))
        .at(-1) ?? 0;
    await poll(() => offset() > HOUR, "a clock that is off");
    [ahead, passed] = [0, 60_000];
    await poll(() => Math.abs(offset()) < 5000, "a clock that is right");
  });
});

describe("nodes that greet again", () => {
  it("say what they are once, and are taken for the same", async () => {
    let passed = 0;
    const choices = { now: () => Date.now() + passed, config: { syncIntervalMs: 100 } };
    const long = "I am Anna. ".repeat(10_000);
    const anna = await greeter(long, choices);
    const config = { ...choices.config, bootstrap: [anna.node.address] };
    const bert = await greeter("I am Bert", { ...choices, config });
    const times = () => bert.said(anna.node).length;
    // control: at first it goes over the wire
    await poll(() => times() >= 2 && anna.said(bert.node).length >= 2, "greetings of both");
    const { sent } = anna.node.network.traffic();
    expect(sent).toBeGreaterThan(long.length);
    const before = times();
    passed = 60_000;
    await poll(() => times() >= before + 2, "greetings once more");
    expect(anna.node.network.traffic().sent - sent).toBeLessThan(long.length / 2);
    expect(new Set(bert.said(anna.node))).toEqual(new Set([long]));
  });
});

describe("a visitor", () => {
  it("goes without a goodbye in the name of the node that it visits for", async () => {
    const anna = await greeter("");
    const bert = await greeter("", { config: { bootstrap: [anna.node.address] }, visits: true });
    await anna.node.until(() => anna.node.connected.size === 1, "connection");
    await bert.node.network.stop();
    await anna.node.until(() => anna.node.connected.size === 0, "its end");
    expect(anna.left).toEqual([]);
  });
});

describe("a peer that knows no greetings", () => {
  it("is told apart from one that says nothing", async () => {
    const anna = await greeter("");
    const raw = await startRawPeer();
    await raw.dial(multiaddr(anna.node.address));
    await poll(() => anna.heard.size > 0, "its silence");
    expect(anna.heard.get(raw.peerId.toString())).toEqual([{ body: null, clock: null }]);
  });
});

describe("a peer that greets with nonsense", () => {
  it("is refused by reason", async () => {
    const anna = await greeter("");
    const raw = await startRawPeer();
    const stream = await raw.dialProtocol(multiaddr(anna.node.address), GREETING_PROTOCOL);
    // a length, and so many bytes that are no greeting
    stream.send(Uint8Array.of(3, 1, 2, 3));
    await anna.node.until(() => anna.node.refused.length > 0, "refusal");
    expect(anna.node.refused[0]).toMatchObject({ verdict: "reject", reason: "malformed" });
  });
});
