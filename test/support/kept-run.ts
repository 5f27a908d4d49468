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
} from "../../src/consensus/index.ts";
import { mixCut } from "../../src/node/peer/agreed/agreed-mixing.ts";
import { firstMembers, membersOf } from "../../src/node/peer/agreed/members-of.ts";
import type { RollbackGround } from "../../src/node/peer/agreed/rollback.ts";
import { digestOf, digestOfPoint } from "../../src/node/peer/manifest.ts";
import type { KeptRound } from "../../src/node/store/contract.ts";
import { createRandom } from "../../testnet/random.ts";
import { Council } from "./agreement-samples.ts";

const RUN = "a".repeat(64);
const LENGTH = 24;
export const ROUNDS = 5;
const updates = agreedUpdates(codecByName("int8"));

/** A run in memory. `last` says of each height whether the last member's update is there, and what all think of it. */
export async function keptRun(size: number, last: (height: number) => Opinion, momentum = 0.4) {
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
    const held = last(height) === "absent" ? named.slice(0, -1) : named;
    const opinionOf = (place: number): Opinion => (place < size - 1 ? "helpful" : last(height));
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
  return { ground, kept, points, roster, without: roster.at(-1) ?? "" };
}

/** What a member announces, whatever it starts from; the last one's are as long, and point elsewhere. */
function payloadOf(height: number, place: number): Uint8Array {
  const random = createRandom(7, "update", place, height);
  const theta = new Float32Array(LENGTH);
  const state = theta.map(() => random() - 0.5);
  return updates.offer(restoredMemory(theta), state, { height, norm: 0 }).payload;
}
