import { describe, expect, test } from "vitest";
import {
  type AgreedPoint,
  agreedUpdates,
  type Block,
  type ChainHead,
  codecByName,
  cutOf,
  firstPoint,
  genesis,
  headAfter,
  type Link,
  type Opinion,
  quorumOf,
  restoredMemory,
  sharesOfCut,
} from "../../../../src/consensus/index.ts";
import { mixCut } from "../../../../src/node/peer/agreed/agreed-mixing.ts";
import { firstMembers, membersOf } from "../../../../src/node/peer/agreed/members-of.ts";
import { mixedAgain, type RollbackGround } from "../../../../src/node/peer/agreed/rollback.ts";
import { digestOf, digestOfPoint } from "../../../../src/node/peer/manifest.ts";
import type { KeptRound } from "../../../../src/node/store/contract.ts";
import { createRandom } from "../../../../testnet/random.ts";
import { Council } from "../../../support/agreement-samples.ts";

const RUN = "a".repeat(64);
const LENGTH = 24;
const ROUNDS = 5;
const updates = agreedUpdates(codecByName("int8"));

/** A run in memory whose rounds say what `opinion` says of the last member's updates. */
async function runOf(size: number, isHeld: (height: number) => boolean, momentum = 0.4) {
  const { roster } = await Council.of(size);
  const run = { agreedRule: "check-twins", outer: { rate: 0.7, momentum }, codec: "auto" } as const;
  const kept = new Map<number, KeptRound>();
  const links: Link[] = [];
  const points: AgreedPoint[] = [firstPoint(new Float32Array(LENGTH), run.outer)];
  let head: ChainHead = genesis(
    RUN,
    digestOfPoint(points[0] as AgreedPoint),
    firstMembers(RUN, roster),
  );
  for (let height = 0; height < ROUNDS; height += 1) {
    const point = points.at(-1) as AgreedPoint;
    const payloads = roster.map((_, place) => payloadOf(height, place));
    const named = payloads.map((bytes, place) => ({ place, payload: digestOf(bytes) }));
    const held = isHeld(height) ? named : named.slice(0, -1);
    const opinionOf = (place: number): Opinion => (place < held.length ? "helpful" : "absent");
    const opinions = roster.map((_, place) => opinionOf(place));
    const ballots = roster.map((_, place) => ({
      place,
      opinions,
      held,
      signature: new Uint8Array(),
    }));
    const quorum = quorumOf(size);
    const cut = cutOf({ ballots, evidence: [] }, quorum);
    const places = cut.map(({ place }) => place);
    const byDigest = new Map(payloads.map((bytes) => [digestOf(bytes), bytes]));
    const shares = sharesOfCut(head.levels, places, quorum);
    const mixed = mixCut({ updates, run }, (digest) => byDigest.get(digest) ?? null, {
      ...{ cut, shares, head, point },
    });
    if (mixed === null) throw new Error("every update can be read");
    kept.set(height, { run: RUN, round: height, ...point, payloads: byDigest });
    const { checkpoint, norm } = mixed;
    const block: Block = {
      ...{ run: RUN, height, parent: head.parent, roster: head.members.digest, payloads: [] },
      ...{ ballots, cut: places, norm, checkpoint },
      ...{ evidence: [], rosterChanges: [], decision: null },
    };
    const digest = `block ${height}`;
    const name = { run: RUN, height, parent: head.parent };
    const vote = { kind: "certificate", vote: "finalize", view: 0, block: digest } as const;
    const link: Link = { block, digest, certificate: { ...name, ...vote, signatures: [] } };
    links.push(link);
    points.push(mixed.point);
    head = headAfter(head, [link], membersOf(RUN));
  }
  const start = genesis(RUN, digestOfPoint(points[0] as AgreedPoint), firstMembers(RUN, roster));
  const ground: RollbackGround = {
    ...{ updates, run, runId: RUN },
    headBelow: (height) => headAfter(start, links.slice(0, height), membersOf(RUN)),
    links: (from) => links.slice(from, from + 2),
    keptRound: (round) => kept.get(round) ?? null,
  };
  return { ground, kept, points, without: roster.at(-1) ?? "" };
}

/** What a member announces, whatever it starts from; the last one's are as long, and point elsewhere. */
function payloadOf(height: number, place: number): Uint8Array {
  const random = createRandom(7, "update", place, height);
  const theta = new Float32Array(LENGTH);
  const state = theta.map(() => random() - 0.5);
  return updates.offer(restoredMemory(theta), state, { height, norm: 0 }).payload;
}

const digest = (point: AgreedPoint | string | undefined) =>
  typeof point === "object" ? digestOfPoint(point) : point;

describe("rounds that are mixed again without an author", () => {
  test.each([0, 0.4])(
    "lead to where the run had gone without it, with momentum %f",
    async (momentum) => {
      const since = 2;
      const run = await runOf(5, () => true, momentum);
      const never = await runOf(5, (height) => height < since, momentum);
      const again = mixedAgain(run.ground, { without: run.without, since }, ROUNDS);

      expect(digest(never.points[since])).toBe(digest(run.points[since]));
      expect(digest(again)).toBe(digest(never.points[ROUNDS]));
      // control: it was in, and without anybody left out the state is as it was
      expect(digest(again)).not.toBe(digest(run.points[ROUNDS]));
      const nobody = mixedAgain(run.ground, { without: "nobody", since }, ROUNDS);
      expect(digest(nobody)).toBe(digest(run.points[ROUNDS]));
    },
  );

  test("stay as they are where fewer than 2 f + 1 updates are left", async () => {
    const run = await runOf(4, (height) => height > 0);
    const { ground, without, kept } = run;
    const [one] = kept.values();
    expect(one?.payloads.size).toBe(4);
    const second = (await Council.of(4)).roster[1] ?? "";
    // round 1 had three authors: without one of them its cut is empty
    const again = mixedAgain(ground, { without: second, since: 0 }, 1);
    expect(digest(again)).toBe(digest(run.points[0]));
    expect(digest(mixedAgain(ground, { without, since: 0 }, 1))).toBe(digest(run.points[1]));
  });
});

describe("what is missing is named", () => {
  const changed = (kept: KeptRound, change: (payloads: Map<string, Uint8Array>) => void) => {
    const payloads = new Map(kept.payloads);
    change(payloads);
    return { ...kept, payloads };
  };
  const firstOf = (payloads: ReadonlyMap<string, Uint8Array>) =>
    [...payloads][0] as readonly [string, Uint8Array];

  test.each<readonly [string, (kept: Map<number, KeptRound>) => void, RegExp]>([
    ["a round", (kept) => kept.delete(3), /^round 4: its state and updates are not kept/],
    ["the first round", (kept) => kept.delete(2), /^round 3: its state/],
    [
      "an update",
      (kept) =>
        kept.set(
          3,
          changed(kept.get(3) as KeptRound, (all) => all.delete(firstOf(all)[0])),
        ),
      /^round 4: the update of 12D3\w+ is not kept here/,
    ],
    [
      "an update that is damaged",
      (kept) =>
        kept.set(
          3,
          changed(kept.get(3) as KeptRound, (all) => {
            const [name, bytes] = firstOf(all);
            all.set(name, bytes.with(9, (bytes[9] ?? 0) ^ 1));
          }),
        ),
      /^round 4: the update of 12D3\w+ is not kept here/,
    ],
    [
      "another state",
      (kept) => {
        const at = kept.get(2) as KeptRound;
        kept.set(2, { ...at, theta: at.theta.with(0, 9) });
      },
      /^round 3: what is kept here does not start from the certified state/,
    ],
  ])("%s", async (_, lose, reason) => {
    const { ground, without, kept } = await runOf(5, () => true);
    lose(kept);
    expect(mixedAgain(ground, { without, since: 2 }, ROUNDS)).toMatch(reason);
  });
});
