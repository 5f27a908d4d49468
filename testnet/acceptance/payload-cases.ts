import assert from "node:assert/strict";
import type { WantedPayload } from "../../src/gossip/index.ts";
import type { Gathering, Guest } from "./gathering.ts";

const PAYLOAD = Uint8Array.from({ length: 500 }, (_, index) => index % 251);

/** What a network does with payloads. */
export const PAYLOAD_CASES: Readonly<Record<string, (all: Gathering) => Promise<void>>> = {
  "serves what is open, to each a copy of its own": async (all) => {
    const [a, b, c] = await all.full("a", "b", "c");
    const wanted = serve(all, a, PAYLOAD);
    const first = await all.settled(all.fetch(b, a, wanted), "b has the payload");
    assert.deepEqual(first, { ok: true, bytes: PAYLOAD });
    if (first.ok) first.bytes.fill(0);
    const second = await all.settled(all.fetch(c, a, wanted), "c has the payload");
    assert.deepEqual(second, { ok: true, bytes: PAYLOAD });
  },

  "keeps a request waiting until the payload is opened": async (all) => {
    const [a, b] = await all.full("a", "b");
    const wanted = hold(all, a, PAYLOAD);
    let isDone = false;
    const fetching = all.fetch(b, a, wanted).finally(() => {
      isDone = true;
    });
    // Time enough for whoever does not wait.
    const other = serve(all, a, Uint8Array.of(1));
    for (let times = 0; times < 5; times++) {
      assert.equal((await all.settled(all.fetch(b, a, other), "the other payload")).ok, true);
    }
    assert.equal(isDone, false);
    a.network.open(wanted.digest);
    assert.deepEqual(await all.settled(fetching, "the payload"), { ok: true, bytes: PAYLOAD });
  },

  "calls a payload missing that is not held, not opened in time or withdrawn": async (all) => {
    const [a, b] = await all.full("a", "b");
    const missing = async (wanted: WantedPayload) => {
      const outcome = await all.settled(all.fetch(b, a, wanted), "an outcome");
      assert.equal(outcome.ok ? "served" : outcome.failure, "missing");
    };
    await missing({ digest: "d".repeat(64), bytes: 10 });
    await missing(hold(all, a, Uint8Array.of(1)));
    const wanted = serve(all, a, PAYLOAD);
    assert.equal((await all.settled(all.fetch(b, a, wanted), "the payload")).ok, true);
    a.network.withdraw(wanted.digest);
    await missing(wanted);
  },

  "minds neither what is held twice nor what is opened or withdrawn without being held": async (
    all,
  ) => {
    const [a, b] = await all.full("a", "b");
    a.network.open("d".repeat(64));
    a.network.withdraw("d".repeat(64));
    const wanted = serve(all, a, PAYLOAD);
    a.network.hold(wanted.digest, PAYLOAD);
    assert.equal((await all.settled(all.fetch(b, a, wanted), "the payload")).ok, true);
  },

  "takes no other bytes than those that were announced": async (all) => {
    const [a, b] = await all.full("a", "b");
    const { digest } = serve(all, a, PAYLOAD);
    const failure = async (wanted: WantedPayload) => {
      const outcome = await all.settled(all.fetch(b, a, wanted), "an outcome");
      return outcome.ok ? null : outcome.failure;
    };
    assert.equal(await failure({ digest, bytes: PAYLOAD.length + 1 }), "malformed");
    const other = "e".repeat(64);
    a.network.hold(other, PAYLOAD);
    a.network.open(other);
    assert.equal(await failure({ digest: other, bytes: PAYLOAD.length }), "digest-mismatch");
    assert.equal(await failure({ digest, bytes: PAYLOAD.length }), null);
  },

  "takes what is shorter than the most that may come, and nothing longer": async (all) => {
    const [a, b] = await all.full("a", "b");
    const { digest } = serve(all, a, PAYLOAD);
    const fetched = (bytes: number) =>
      all.settled(all.fetch(b, a, { digest, bytes, isMost: true }), "an outcome");
    assert.deepEqual(await fetched(3 * PAYLOAD.length), { ok: true, bytes: PAYLOAD });
    assert.deepEqual(await fetched(PAYLOAD.length), { ok: true, bytes: PAYLOAD });
    assert.equal((await fetched(PAYLOAD.length - 1)).ok, false);
  },

  "gives up a peer that is gone as unreachable": async (all) => {
    const [a, b] = await all.full("a", "b");
    const wanted = serve(all, a, PAYLOAD);
    await a.network.stop();
    const outcome = await all.settled(all.fetch(b, a, wanted), "an outcome");
    assert.equal(outcome.ok ? "served" : outcome.failure, "unreachable");
  },

  "gives up when it is told to": async (all) => {
    const [a, b] = await all.full("a", "b");
    const patience = new AbortController();
    const fetching = all.fetch(b, a, hold(all, a, PAYLOAD), patience.signal);
    const other = serve(all, a, Uint8Array.of(1));
    await all.settled(all.fetch(b, a, other), "the other payload");
    patience.abort();
    const outcome = await all.settled(fetching, "an outcome");
    assert.equal(outcome.ok ? "served" : outcome.failure, "timeout");
  },
};

// --- internal ---

/** Holds a payload, closed; what others ask for. */
function hold(all: Gathering, { network }: Guest, bytes: Uint8Array): WantedPayload {
  const { payload: digest } = all.announcement(bytes);
  network.hold(digest, bytes);
  return { digest, bytes: bytes.length };
}

function serve(all: Gathering, guest: Guest, bytes: Uint8Array): WantedPayload {
  const wanted = hold(all, guest, bytes);
  guest.network.open(wanted.digest);
  return wanted;
}
