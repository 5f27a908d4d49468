import { describe, expect, test } from "vitest";
import {
  agreedUpdates,
  codecByName,
  firstPoint,
  genesis,
  restoredMemory,
} from "../../../../src/consensus/index.ts";
import { mixCut } from "../../../../src/node/peer/agreed/agreed-mixing.ts";
import { firstMembers } from "../../../../src/node/peer/agreed/members-of.ts";
import { digestOf, digestOfPoint } from "../../../../src/node/peer/manifest.ts";
import type { Digest } from "../../../../src/types.ts";
import { createRandom } from "../../../../testnet/random.ts";
import { Council } from "../../../support/agreement-samples.ts";

const RUN = "a".repeat(64);
const LENGTH = 24;
const MEMBERS = 10;
const updates = agreedUpdates(codecByName("int8"));
const run = { agreedRule: "check-twins", outer: { rate: 1, momentum: 0 }, codec: "auto" } as const;
const point = firstPoint(new Float32Array(LENGTH), run.outer);

function payloadOf(place: number): Uint8Array {
  const random = createRandom(7, "update", place);
  const theta = new Float32Array(LENGTH);
  return updates.offer(
    restoredMemory(theta),
    theta.map(() => random() - 0.3),
    { height: 0, norm: 0 },
  ).payload;
}

/** What the cut of these places mixes to, by shares; without the payloads of some places. */
async function mixOf(shares: ReadonlyMap<number, number>, missing: readonly number[] = []) {
  const { roster } = await Council.of(MEMBERS);
  const head = genesis(RUN, digestOfPoint(point), firstMembers(RUN, roster));
  const cut = [...shares.keys()].map((place) => ({ place, payload: digestOf(payloadOf(place)) }));
  const held = new Map(cut.map(({ place, payload }) => [payload, place]));
  const bytesOf = (payload: Digest) => {
    const place = held.get(payload);
    return place === undefined || missing.includes(place) ? null : payloadOf(place);
  };
  return mixCut({ updates, run }, bytesOf, { cut, shares: [...shares.values()], head, point });
}

/** All but some have one share. */
function sharesWithout(...out: readonly number[]): Map<number, number> {
  const share = 1 / (MEMBERS - out.length);
  const places = Array.from({ length: MEMBERS }, (_, place) => place);
  return new Map(places.map((place) => [place, out.includes(place) ? 0 : share]));
}

describe("an update of a cut that has no share", () => {
  test("is to the mix as if it was not in the cut, and f stays that of the members", async () => {
    const with0 = await mixOf(sharesWithout(3, 8));
    const without = new Map([...sharesWithout(3, 8)].filter(([, share]) => share > 0));

    expect(with0?.checkpoint).toBe((await mixOf(without))?.checkpoint);
    expect(with0?.norm).toBe((await mixOf(without))?.norm);
    // control: it weighs something where it has a share
    expect(with0?.checkpoint).not.toBe((await mixOf(sharesWithout(3)))?.checkpoint);
  });

  test("need not be here", async () => {
    expect(await mixOf(sharesWithout(3), [3])).not.toBeNull();
    expect(await mixOf(sharesWithout(3), [4])).toBeNull();
  });
});
