import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { generateIdentity, proofOf, rightOf } from "../../../../src/gossip/index.ts";
import {
  type Admissions,
  admit,
  answerTo,
  isFull,
  membersOf,
  takenOf,
} from "../../../../src/node/admission/admissions.ts";
import { seededRandom, shuffled } from "../../../../src/random.ts";

const RUN = createHash("sha256").update("run").digest("hex");
const EXPIRES = 1_000_000;
const NOW = 1000;
const secretOf = (number: number): Uint8Array => new Uint8Array(16).fill(number);

const identities = await Promise.all(Array.from({ length: 7 }, () => generateIdentity()));
const [creator = "", ...peers] = identities.map(({ peerId }) => peerId);
const [first = "", second = "", third = ""] = peers;

function open(seats: number, rights = Array.from({ length: seats - 1 }, () => 1)): Admissions {
  return {
    creator: { peer: creator, addresses: ["/ip4/10.0.0.1/tcp/7117"] },
    run: RUN,
    offer: new Uint8Array([1, 2, 3]),
    seats,
    expires: EXPIRES,
    rights: rights.map((uses, number) => ({ secret: secretOf(number), seats: uses })),
    admitted: [],
    sealed: null,
  };
}

/** What a peer says that has the ticket with this number. */
function claim(peer: string, number: number, change: { run?: string; prover?: string } = {}) {
  const { run = RUN, prover = peer } = change;
  const secret = secretOf(number);
  return {
    run,
    right: rightOf(secret),
    proof: proofOf(secret, { run, creator, peer: prover }),
    addresses: ["/ip4/10.0.0.2/tcp/7117"],
  };
}

const waits = (taken: number) => ({ kind: "waits", offer: new Uint8Array([1, 2, 3]), taken });
const refused = (reason: string) => ({ kind: "refused", reason });

describe("a seat", () => {
  test("is taken by the first who proves a right to it", () => {
    const { state, answer } = admit(open(3), first, claim(first, 0), NOW);

    expect(answer).toEqual(waits(2));
    expect(membersOf(state).map(({ peer }) => peer)).toEqual([creator, first]);
    expect([takenOf(state), isFull(state)]).toEqual([2, false]);
  });

  test("stays with its peer: who asks again is told the same, and nothing changes", () => {
    const { state } = admit(open(3), first, claim(first, 0), NOW);
    const again = admit(state, first, claim(first, 0), NOW + 1);
    // also with another ticket, which stays good for somebody else
    const otherwise = admit(state, first, claim(first, 1), NOW + 1);

    expect(again.state).toBe(state);
    expect(again.answer).toEqual(waits(2));
    expect(otherwise.state).toBe(state);
    expect(admit(state, second, claim(second, 1), NOW).answer).toEqual(waits(3));
  });

  test("has the address that its peer told last, until the members are fixed", () => {
    const { state } = admit(open(3), first, claim(first, 0), NOW);
    const moved = { ...claim(first, 0), addresses: ["/ip4/10.0.0.9/tcp/1"] };
    const { state: after } = admit(state, first, moved, NOW);
    const full = admit(after, second, claim(second, 1), NOW).state;

    expect(after.admitted[0]?.addresses).toEqual(moved.addresses);
    expect(admit(full, first, claim(first, 0), NOW).state).toBe(full);
  });

  test("is not had without the right, by a replay, or for another run", () => {
    const state = open(3);
    const replayed = claim(second, 0, { prover: first });

    expect(admit(state, second, claim(second, 9), NOW)).toEqual({
      state,
      answer: refused("unknown"),
    });
    expect(admit(state, second, replayed, NOW).answer).toEqual(refused("unknown"));
    const other = claim(second, 0, { run: "0".repeat(64) });
    expect(admit(state, second, other, NOW).answer).toEqual(refused("other-run"));
    const elsewhere = { ...claim(second, 0, { run: "0".repeat(64) }), run: RUN };
    expect(admit(state, second, elsewhere, NOW).answer).toEqual(refused("unknown"));
    // control: the right itself
    expect(admit(state, second, claim(second, 0), NOW).answer).toEqual(waits(2));
  });

  test("cannot be taken over, nor its ticket used twice", () => {
    const { state } = admit(open(3), first, claim(first, 0), NOW);
    const { state: after, answer } = admit(state, second, claim(second, 0), NOW);

    expect(answer).toEqual(refused("used"));
    expect(after).toBe(state);
  });

  test("is not had after the time, by the creator's clock, nor when all are taken", () => {
    const state = open(2, [1, 1]);
    expect(admit(state, first, claim(first, 0), EXPIRES).answer).toEqual(refused("expired"));
    const { state: last } = admit(state, first, claim(first, 0), EXPIRES - 1);
    expect(isFull(last)).toBe(true);
    expect(admit(last, second, claim(second, 1), NOW).answer).toEqual(refused("full"));
  });

  test("of a standing right is anybody's until none is left", () => {
    let state = open(4, [3]);
    for (const peer of [first, second, third]) {
      state = admit(state, peer, claim(peer, 0), NOW).state;
    }

    expect(isFull(state)).toBe(true);
    const late = peers[3] ?? "";
    expect(admit(state, late, claim(late, 0), NOW).answer).toEqual(refused("used"));
  });
});

describe("when it is over", () => {
  test("who has a seat gets the sealed run at any time, and nobody else gets anything", () => {
    const { state } = admit(open(2), first, claim(first, 0), NOW);
    const sealed = { ...state, sealed: new Uint8Array([9]) };
    const answer = { kind: "sealed", sealed: new Uint8Array([9]) };

    expect(admit(sealed, first, claim(first, 0), EXPIRES + 1)).toEqual({ state: sealed, answer });
    expect(admit(sealed, second, claim(second, 0), NOW).answer).toEqual(refused("used"));
  });

  test("who has a seat in a run that did not come about is told so", () => {
    const { state } = admit(open(3), first, claim(first, 0), NOW);

    expect(answerTo(state, EXPIRES - 1)).toEqual(waits(2));
    expect(admit(state, first, claim(first, 0), EXPIRES).answer).toEqual(refused("expired"));
  });
});

test("in whatever order they come and repeat, each ticket seats one, and no seat changes hands", () => {
  const all = peers.flatMap((peer) =>
    [0, 1, 2].map((number) => ({ peer, request: claim(peer, number) })),
  );
  for (let seed = 1; seed <= 50; seed++) {
    const random = seededRandom(seed);
    let state = open(4);
    for (const { peer, request } of shuffled([...all, ...all.slice(0, 6)], random)) {
      const before = state.admitted;
      state = admit(state, peer, request, NOW).state;
      // seats only come, at the end
      expect(state.admitted.slice(0, before.length)).toEqual(before);
    }

    expect(isFull(state), `seed ${seed}`).toBe(true);
    expect(new Set(state.admitted.map(({ peer }) => peer)).size).toBe(3);
    expect(new Set(state.admitted.map(({ right }) => right)).size).toBe(3);
  }
});
