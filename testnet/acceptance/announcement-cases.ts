import assert from "node:assert/strict";
import { type Gathering, type Guest, sequencesOf } from "./gathering.ts";

const UPDATE = Uint8Array.of(1, 2, 3);

/** What a network does with announcements. */
export const ANNOUNCEMENT_CASES: Readonly<Record<string, (all: Gathering) => Promise<void>>> = {
  "brings an announcement to every other peer, once, as its author made it": async (all) => {
    const [a, ...others] = await all.full("a", "b", "c", "d");
    const announcement = all.announcement(UPDATE);
    const { signed } = await a.network.announce(announcement);
    assert.deepEqual(signed.announcement, { ...announcement, author: a.id });
    await all.until(() => others.every(({ heard }) => heard.length > 0), "all have heard");
    // What comes twice would come before what is said later.
    for (const { network } of others) await network.announce(all.announcement(UPDATE));
    const everyone = [a, ...others];
    await all.until(() => everyone.every(({ heard }) => heard.length >= 3), "all have heard all");
    for (const { heard } of others) {
      const ofA = heard.filter((each) => each.announcement.author === a.id);
      assert.deepEqual(ofA, [signed]);
    }
    assert.equal(a.heard.length, 3);
  },

  "says how many peers an announcement went to directly": async (all) => {
    const a = await all.join("a");
    assert.equal((await a.network.announce(all.announcement(UPDATE))).recipients, 0);
    await all.join("b", [a]);
    await all.join("c", [a]);
    await all.until(() => isListenedTo(a), "all listen");
    const second = all.announcement(UPDATE, { sequence: 2 });
    assert.equal((await a.network.announce(second)).recipients, 2);
  },

  "tells the newest announcement to who comes later, and by way of others": async (all) => {
    const a = await all.join("a");
    for (const sequence of [1, 2, 3, 4]) {
      await a.network.announce(all.announcement(UPDATE, { sequence, round: sequence }));
    }
    const b = await all.join("b", [a]);
    await all.until(() => sequencesOf(b, a).at(-1) === 4, "b is told of a's last");
    await a.network.stop();
    const c = await all.join("c", [b]);
    await all.until(() => sequencesOf(c, a).at(-1) === 4, "c is told of it by b");
  },

  "tells both announcements of an author who contradicts itself, to who comes later too": async (
    all,
  ) => {
    const [a, b] = await all.full("a", "b");
    await a.network.announce(all.announcement(UPDATE, { sequence: 1 }));
    await a.network.announce(all.announcement(Uint8Array.of(9), { sequence: 2 }));
    await all.until(() => b.heard.length === 2, "b hears both");
    await a.network.stop();
    const c = await all.join("c", [b]);
    await all.until(() => c.heard.length === 2, "c hears both");
    assert.deepEqual(sequencesOf(c, a), [1, 2]);
  },

  "tells a peer that was started again what it had announced": async (all) => {
    const [a, b] = await all.full("a", "b");
    const { signed } = await a.network.announce(all.announcement(UPDATE));
    await all.until(() => b.heard.length === 1, "b hears a");
    await a.network.stop();
    const again = await all.join("a", [b]);
    await all.until(() => again.heard.length === 1, "a hears of itself");
    assert.deepEqual(again.heard, [signed]);
  },

  "passes nothing on that was refused, and says what and why": async (all) => {
    const a = await all.join("a");
    const b = await all.join("b", [a], ({ sequence }) => (sequence === 1 ? "replay" : null));
    await a.network.announce(all.announcement(UPDATE, { sequence: 1 }));
    await all.until(() => b.refused.length > 0, "b refuses");
    const refusal = { verdict: "reject", reason: "replay", author: a.id };
    assert.deepEqual(b.refused[0], { from: a.id, ...refusal });
    await a.network.announce(all.announcement(UPDATE, { sequence: 2, round: 1 }));
    await all.until(() => b.heard.length === 1, "b hears the second");
    await a.network.stop();
    const c = await all.join("c", [b]);
    await all.until(() => c.heard.length > 0, "c is told by b");
    assert.deepEqual(sequencesOf(c, a), [2]);
  },

  "ignores what has expired": async (all) => {
    const [a, b] = await all.full("a", "b");
    await all.until(() => isListenedTo(a), "b listens");
    await a.network.announce(all.expired(UPDATE));
    await all.until(() => b.refused.length > 0, "b refuses");
    assert.deepEqual(b.refused[0], { from: a.id, verdict: "ignore", reason: "expired" });
    assert.deepEqual(b.heard, []);
  },
};

// --- internal ---

/** Whether all that are connected hear at once what it announces. */
function isListenedTo({ network }: Guest): boolean {
  return network.peers().every(({ inMesh }) => inMesh);
}
