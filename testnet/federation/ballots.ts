import type { Block, ChainHead, Opinion, SoundUpdate } from "../../src/consensus/index.ts";
import type { Config } from "../../src/node/config/config.ts";
import { opinionOfRefused, opinionsOf } from "../../src/node/peer/agreed/opinions.ts";
import type { Digest, Verdict } from "../../src/types.ts";
import type { AgreedMember } from "./agreed-member.ts";

/** What a member has sent, and what everybody reads in it. */
export interface Sent {
  readonly member: AgreedMember;
  readonly place: number;
  readonly payload: Uint8Array;
  readonly digest: Digest;
  readonly read: Verdict<SoundUpdate>;
}

/** The block of a height in which every member holds every payload, and says what it thinks of it. */
export async function blockOf(
  all: readonly Sent[],
  ground: {
    readonly head: ChainHead;
    readonly config: Pick<Config, "gate" | "run">;
    readonly theta: Float32Array;
    /** Whether attackers lie in their ballots. */
    readonly lies: boolean;
  },
): Promise<Block> {
  const { head, config, theta, lies } = ground;
  const { height, parent, members, checkpoint, norm } = head;
  const sent = all.toSorted((a, b) => a.place - b.place);
  const held = sent.map(({ place, digest: payload }) => ({ place, payload }));
  const sound = sent.flatMap(({ place, read }) =>
    read.verdict === "accept" ? [{ place, values: read.value.values }] : [],
  );
  const ballots: Block["ballots"][number][] = [];
  const { gate, run } = config;
  const trained = run.steps * run.batchSize;
  for (const { member, place } of sent) {
    if (lies && member.role !== "honest") {
      ballots.push({ place, opinions: sent.map(lieOf), held, signature: UNSIGNED });
      continue;
    }
    const { learner } = member;
    const judging = { learner, gate, trained, height, peers: members.peers, theta };
    const judged = await opinionsOf(sound, judging);
    const opinions = sent.map(
      ({ place: author, read }): Opinion =>
        read.verdict === "accept"
          ? (judged.opinions.get(author) ?? "neutral")
          : opinionOfRefused(read.reason),
    );
    ballots.push({ place, opinions, held, signature: UNSIGNED });
  }
  return {
    ...{ run: "", height, parent, roster: members.digest, checkpoint, norm },
    payloads: held.map((each) => ({ ...each, bytes: bytesOf(sent, each.place) })),
    ...{ ballots, cut: [], evidence: [], rosterChanges: [], decision: null },
  };
}

// --- internal ---

const UNSIGNED = new Uint8Array(0);

/** Who attacks stands by its own, and calls everybody else harmful. */
function lieOf({ member }: Sent): Opinion {
  return member.role === "honest" ? "harmful" : "helpful";
}

function bytesOf(sent: readonly Sent[], place: number): number {
  return sent.find((each) => each.place === place)?.payload.length ?? 0;
}
