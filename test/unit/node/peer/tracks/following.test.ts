import { describe, expect, test } from "vitest";
import { codecByName, differencesToTracks } from "../../../../../src/consensus/index.ts";
import { bytesOfState, digestOf, digestOfState } from "../../../../../src/node/peer/manifest.ts";
import { follow } from "../../../../../src/node/peer/tracks/following.ts";
import { NeighbourTracks } from "../../../../../src/node/peer/tracks/neighbour-tracks.ts";
import { seededRandom } from "../../../../../src/random.ts";

const LENGTH = 300;
const WHOLE = 4 * LENGTH;
const PEER = "author";
const updates = differencesToTracks(codecByName("sign"));
const INITIAL = vector(99);

function vector(seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: LENGTH }, () => 2 * random() - 1);
}

/** An author that made an update in each round, and a reader; both at the start. */
function scene(rounds = 12, begin = INITIAL) {
  let memory = updates.begin(begin);
  const held = new Map<string, Uint8Array>();
  const made = Array.from({ length: rounds }, (_, round) => {
    const { payload, memory: after } = updates.offer(memory, vector(round));
    memory = after;
    const reference = digestOfState(after.reference);
    held.set(digestOf(payload), payload);
    held.set(reference, bytesOfState(after.reference));
    const told = { round, reference, payload: digestOf(payload), payloadBytes: payload.length };
    return { told, state: after.track };
  });
  const tracks = new NeighbourTracks(INITIAL);
  const pulled: number[] = [];
  const hear = (...which: readonly number[]) => {
    for (const round of which) tracks.hear(PEER, made[round]?.told as (typeof made)[0]["told"]);
  };
  /** The state that is known after following a round, or why not. */
  const reach = async (of: number, inRound = of) => {
    const reached = await follow(
      {
        updates,
        tracks,
        pull: async ({ digest, bytes }) => {
          pulled.push(bytes);
          const found = held.get(digest);
          return found?.length === bytes
            ? { ok: true, bytes: found }
            : { ok: false, failure: "missing", detail: "" };
        },
      },
      { peer: PEER, payload: made[of]?.told.payload ?? "", round: inRound },
    );
    return typeof reached === "string" ? reached : reached.state;
  };
  return { made, held, tracks, pulled, hear, reach, payload: made[0]?.told.payloadBytes ?? 0 };
}

describe("an author is followed", () => {
  test("from round to round by its payloads alone", async () => {
    const { made, pulled, hear, reach, payload } = scene();
    for (const round of [0, 1, 2]) {
      hear(round);
      expect(await reach(round)).toEqual(made[round]?.state);
    }

    expect(pulled).toEqual([payload, payload, payload]);
  });

  test("through payloads that were missed, each pulled once", async () => {
    const { made, pulled, hear, reach, payload } = scene();
    hear(3, 1, 0, 2, 4);

    expect(await reach(3)).toEqual(made[3]?.state);
    expect(pulled).toEqual([payload, payload, payload, payload]);
    expect(await reach(4)).toEqual(made[4]?.state);
    expect(pulled).toHaveLength(5);
  });

  test("from its whole track where announcements were missed, once in eight rounds", async () => {
    const { made, pulled, hear, reach, payload } = scene(30);
    hear(5);
    expect(await reach(5)).toEqual(made[5]?.state);
    expect(pulled).toEqual([WHOLE, payload]);

    hear(7);
    expect(await reach(7)).toBe("other-track");
    hear(12);
    expect(await reach(12)).toBe("other-track");
    expect(pulled).toHaveLength(2);

    hear(13);
    expect(await reach(13)).toEqual(made[13]?.state);
    expect(pulled).toEqual([WHOLE, payload, WHOLE, payload]);
  });

  test("from the start where it begins anew", async () => {
    const { made, tracks, pulled, hear, reach, payload } = scene();
    hear(0, 1);
    await reach(1);
    tracks.hear(PEER, { ...(made[0]?.told as (typeof made)[0]["told"]), round: 2 });

    expect(await reach(0)).toEqual(made[0]?.state);
    expect(pulled).toEqual([payload, payload, payload]);
  });

  test("after its payload could not be had, by that payload and the next", async () => {
    const { made, held, pulled, hear, reach, payload } = scene();
    const { payload: lost } = made[1]?.told ?? { payload: "" };
    const bytes = held.get(lost) as Uint8Array;
    held.delete(lost);
    hear(0, 1, 2);
    await reach(0);
    expect(await reach(1)).toBe("missing");
    held.set(lost, bytes);

    expect(await reach(2)).toEqual(made[2]?.state);
    expect(pulled).toEqual([payload, payload, payload, payload]);
  });

  test("from its whole track where it has a missed payload no more", async () => {
    const { made, held, pulled, hear, reach, payload } = scene();
    held.delete(made[1]?.told.payload ?? "");
    hear(0, 1, 2);
    await reach(0);

    expect(await reach(2)).toEqual(made[2]?.state);
    expect(pulled).toEqual([payload, payload, WHOLE, payload]);
  });
});

describe("a liar", () => {
  test("that names a track that nobody has is not followed, and nobody pulls more for it", async () => {
    const { made, tracks, pulled, reach } = scene();
    const { told } = made[3] as (typeof made)[0];
    tracks.hear(PEER, { ...told, reference: "f".repeat(64) });

    expect(await reach(3)).toBe("missing");
    expect(pulled).toEqual([WHOLE]);
  });

  test("that announces payloads of another size is found out before anything is pulled", async () => {
    const { made, tracks, pulled, reach } = scene();
    tracks.hear(PEER, { ...(made[0] as (typeof made)[0]).told, payloadBytes: 2 ** 28 });

    expect(await reach(0)).toBe("wrong-shape");
    expect(pulled).toEqual([]);
  });

  test("whose payload cannot be read is not asked for it again", async () => {
    const { made, held, pulled, hear, reach } = scene();
    const { payload } = (made[0] as (typeof made)[0]).told;
    held.set(payload, new Uint8Array(held.get(payload)?.length ?? 0));
    hear(0, 1);

    expect(await reach(0)).toBe("malformed");
    expect(await reach(0)).toBe("missing");
    expect(pulled).toHaveLength(1);
  });

  test("whose whole track is no numbers is refused", async () => {
    const { held, hear, reach, made } = scene();
    const { reference } = (made[4] as (typeof made)[0]).told;
    held.set(reference, new Uint8Array(WHOLE).fill(255));
    hear(4);

    expect(await reach(4)).toBe("non-finite");
  });

  test("whose updates lead back to the same track does not keep the reader busy", async () => {
    const { made, tracks, pulled, reach, payload } = scene();
    const { told } = made[0] as (typeof made)[0];
    // Three updates that claim one reference; the wanted one claims another.
    for (const round of [0, 1, 2]) tracks.hear(PEER, { ...told, round });
    tracks.hear(PEER, { ...(made[5] as (typeof made)[0]).told, reference: "e".repeat(64) });

    expect(await reach(5)).toBe("missing");
    expect(pulled).toEqual([payload, WHOLE]);
  });
});

describe("what is remembered of neighbours", () => {
  test("is eight announcements of each, and nothing of those who are none", () => {
    const { tracks, made, hear } = scene(20);
    hear(...made.keys());
    expect(tracks.toldBy(PEER).map(({ round }) => round)).toEqual([12, 13, 14, 15, 16, 17, 18, 19]);

    tracks.keepOnly([]);
    expect(tracks.toldBy(PEER)).toEqual([]);
  });

  test("comes back from a checkpoint", async () => {
    const { tracks, hear, reach, made } = scene();
    hear(0);
    await reach(0);

    const again = new NeighbourTracks(INITIAL, { ...tracks.kept, track: vector(1) });
    expect(again.of(PEER).state).toEqual(made[0]?.state);
    expect(again.kept).toEqual(tracks.kept);
    tracks.keepOnly([]);
    expect(tracks.kept).toEqual({});
  });
});
