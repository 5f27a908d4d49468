import assert from "node:assert/strict";
import { type AcceptanceCase, acceptanceOf } from "./acceptance.ts";
import { AGREEMENT_CASES } from "./agreement-cases.ts";
import { ANNOUNCEMENT_CASES } from "./announcement-cases.ts";
import { Gathering, isConnected, type NetworkBench } from "./gathering.ts";
import { PAYLOAD_CASES } from "./payload-cases.ts";

export type { NetworkBench } from "./gathering.ts";

/**
 * What every `Network` must do, as named cases for any test runner.
 *
 * ```ts
 * for (const { name, run } of networkAcceptance(() => myBench())) test(name, run);
 * ```
 *
 * @param make - A bench for each case; its networks are stopped at the end.
 */
export function networkAcceptance(
  make: () => NetworkBench | Promise<NetworkBench>,
): readonly AcceptanceCase[] {
  return acceptanceOf(CASES, async () => new Gathering(await make()));
}

// --- internal ---

const CASES: Readonly<Record<string, (gathering: Gathering) => Promise<void>>> = {
  "tells where it listens, for another's bootstrap list": async (all) => {
    const { network, id } = await all.join("a");
    assert(network.addresses().length > 0);
    for (const address of network.addresses()) assert(address.includes(id));
  },

  "is the same peer in its next process": async (all) => {
    const first = await all.join("a");
    await first.network.stop();
    const next = await all.join("a");
    assert.equal(next.id, first.id);
    assert.notEqual((await all.join("b")).id, first.id);
  },

  "tells who connects and who is gone": async (all) => {
    const [a, b] = await all.full("a", "b");
    await b.network.stop();
    await all.until(() => a.events.length === 3, "the end of b is told");
    assert.deepEqual(a.events, [
      ["connected", b.id],
      ["left", b.id],
      ["disconnected", b.id],
    ]);
    assert.deepEqual(a.network.peers(), []);
    await b.network.stop();
  },

  "keeps a banned peer out, its announcements by way of others too, and nobody else": async (
    all,
  ) => {
    const [a, b, c] = await all.full("a", "b", "c");
    b.network.ban(a.id);
    await all.until(() => !isConnected(b, a), "b has hung up on a");
    await a.network.announce(all.announcement(Uint8Array.of(1)));
    await all.until(() => c.heard.length === 1, "c hears a");
    await c.network.announce(all.announcement(Uint8Array.of(2)));
    await all.until(() => b.heard.length > 0, "b hears c");
    assert.deepEqual(
      b.heard.map(({ announcement }) => announcement.author),
      [c.id],
    );
    const payload = Uint8Array.of(3);
    const digest = all.announcement(payload).payload;
    for (const { network } of [b, c]) {
      network.hold(digest, payload);
      network.open(digest);
    }
    const wanted = { digest, bytes: 1 };
    assert.equal((await all.settled(all.fetch(a, c, wanted), "a fetches of c")).ok, true);
    assert.equal((await all.settled(all.fetch(a, b, wanted), "a fetches of b")).ok, false);
  },

  "counts bytes on both ends, and a reading stays what it was": async (all) => {
    const [a, b] = await all.full("a", "b");
    const payload = new Uint8Array(60_000).fill(7);
    const { payload: digest } = all.announcement(payload);
    a.network.hold(digest, payload);
    a.network.open(digest);
    const before = [a.network.traffic(), b.network.traffic()] as const;
    const copies = structuredClone(before);
    await all.settled(all.fetch(b, a, { digest, bytes: payload.length }), "the payload");
    assert(a.network.traffic().sent - before[0].sent >= payload.length);
    assert(b.network.traffic().received - before[1].received >= payload.length);
    assert.deepEqual(before, copies);
  },

  ...ANNOUNCEMENT_CASES,
  ...PAYLOAD_CASES,
  ...AGREEMENT_CASES,
};
