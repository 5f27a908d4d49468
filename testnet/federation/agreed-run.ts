import {
  type AgreedPoint,
  type AgreedUpdates,
  type ChainHead,
  cutOf,
  firstPoint,
  genesis,
  type MadeAgreedUpdate,
  type MakeMembers,
  membersAfter,
  outerTermsOf,
  quorumOf,
  sharesOfCut,
  type UpdateOutcome,
} from "../../src/consensus/index.ts";
import { type Config, configSchema } from "../../src/node/config/config.ts";
import { mixCut } from "../../src/node/peer/agreed/agreed-mixing.ts";
import { digestOf } from "../../src/node/peer/manifest.ts";
import { openAgreedUpdates } from "../../src/node/peer/ports.ts";
import type { Learner } from "../../src/training/index.ts";
import type { Digest } from "../../src/types.ts";
import { colluding, Overview } from "../attacks/collusion.ts";
import type { RunData } from "../data/run-data.ts";
import { ownRankOf, type TestnetOptions } from "../options.ts";
import { trainingConfig } from "../processes/peer-config.ts";
import { ANNOUNCEMENT_BYTES } from "../simulation/wire-times.ts";
import { type AgreedMember, contribute, createMember, goOn } from "./agreed-member.ts";
import { blockOf, type Sent } from "./ballots.ts";

/** Nothing here signs or hashes. */
const RUN = "federation";
const makeMembers: MakeMembers = (peers) => ({ peers, digest: "", turns: [] });

/** The end of a round of mode `agreed`. */
export interface RoundReached {
  /** From 1. */
  readonly round: number;
  /** What a member, of several ranks the mean, has sent to one other by then: payloads and announcements. */
  readonly bytesPerPeer: number;
  /** By index of the peer, the level of trust that ballots give it, from 0 to 8; null of one that is evicted. */
  readonly levels: readonly (number | null)[];
  /** The agreed state. */
  readonly state: Float32Array;
  /** Of the agreed state, on the common test set. */
  loss(): Promise<number>;
}

/**
 * Mode `agreed` without its network, in this process, one member after the other: learner, updates, gate, cut, standings,
 * rule and outer step are the product's. Every ballot comes in time and every member votes, so that nobody is left out
 * for being late, and lies are in updates alone. Attackers see what the honest send before they choose theirs.
 *
 * @param learners - Of the peers, in their order; what they have done before does not matter
 */
export async function runAgreed(
  options: TestnetOptions,
  data: RunData,
  learners: readonly Learner[],
  onRound: (reached: RoundReached) => void | Promise<void>,
): Promise<void> {
  const { testFile: test, classes } = data;
  const config = configSchema.parse({
    ...trainingConfig(options, { train: [], test, classes }),
    gate: { enabled: options.gate },
  });
  const rankOf = (index: number) => ownRankOf(options, index);
  const federation = await openFederation({ config, rankOf }, data, learners);
  let bytesPerPeer = 0;
  for (let round = 1; round <= options.rounds; round += 1) {
    bytesPerPeer += await runHeight(federation);
    const { theta } = federation.point;
    const loss = async () => (await federation.judge.evaluate(theta, "test")).loss;
    await onRound({ round, bytesPerPeer, levels: levelsOf(federation), state: theta, loss });
  }
}

/** What each member's learner is opened with. */
export function memberFiles(
  options: Pick<TestnetOptions, "ranks">,
  { peers, testFile: test, classes }: RunData,
) {
  return peers.map(({ dataFile: train }, index) => {
    const rank = ownRankOf(options, index);
    return { train, rank, test, classes };
  });
}

// --- internal ---

interface Federation {
  readonly config: Config;
  readonly updates: AgreedUpdates;
  /** Of the honest, which attackers see. */
  readonly overview: Overview;
  readonly judge: Learner;
  /** By place in the first roster. */
  readonly members: readonly AgreedMember[];
  head: ChainHead;
  point: AgreedPoint;
}

async function openFederation(
  {
    config,
    rankOf,
  }: { readonly config: Config; readonly rankOf: (index: number) => number | null },
  { peers }: RunData,
  learners: readonly Learner[],
): Promise<Federation> {
  const [judge] = learners as [Learner, ...Learner[]];
  const point = firstPoint(await judge.initialAdapter(), outerTermsOf(config.run, "agreed"));
  const overview = new Overview();
  const attackers = peers.filter(({ role }) => role !== "honest").length;
  const { agreedRule: rule } = config.run;
  const collusion = colluding({ members: peers.length, attackers, rule }, overview.updatesOf);
  const members = learners.map((learner, index) => {
    const role = peers[index]?.role ?? "honest";
    const own = { ...config, training: { rank: rankOf(index) } };
    return createMember({ index, role, learner }, own, { point, collusion });
  });
  const head = genesis(RUN, "", makeMembers(members.map(nameOf)));
  const updates = openAgreedUpdates(config, judge.info.layout);
  return { config, updates, overview, judge, members, head, point };
}

/** One height: train, judge, mix, go on. Returns what a member has sent to one other. */
async function runHeight(federation: Federation): Promise<number> {
  const { config, updates, overview, members, head, point } = federation;
  const { height, norm } = head;
  const { length } = point.theta;
  const terms = { height, norm, steps: config.run.steps };
  const made = new Map<AgreedMember, MadeAgreedUpdate>();
  const sent: Sent[] = [];
  const seated = members.filter((member) => head.members.peers.includes(nameOf(member)));
  // the honest first: attackers wait for what they send
  for (const member of seated.toSorted((a, b) => Number(isHonest(b)) - Number(isHonest(a)))) {
    const own = await contribute(member, terms);
    const read = updates.read(own.payload, length, head);
    made.set(member, own);
    const { payload } = own;
    sent.push({ member, place: placeOf(member, head), payload, digest: digestOf(payload), read });
    if (isHonest(member) && read.verdict === "accept") {
      overview.note(height, member.index, read.value.values);
    }
  }
  const block = await blockOf(sent, { head, config, theta: point.theta });
  const quorum = quorumOf(head.members.peers.length);
  const cut = cutOf(block, quorum);
  const places = cut.map(({ place }) => place);
  const shares = sharesOfCut(head.levels, places, quorum);
  const payloadOf = (digest: Digest) =>
    sent.find((each) => each.digest === digest)?.payload ?? null;
  const open = { cut, shares, head, point };
  const mixed = cut.length === 0 ? null : mixCut({ updates, run: config.run }, payloadOf, open);
  federation.point = mixed?.point ?? point;
  const after = membersAfter(head, block, makeMembers);
  federation.head = { ...head, ...after, height: height + 1, norm: mixed?.norm ?? norm };
  for (const [member, own] of made) {
    const share = shares[places.indexOf(placeOf(member, head))];
    const isSeated = after.members.peers.includes(nameOf(member));
    goOn(member, own, outcomeOf(share, isSeated), federation.point);
  }
  const payloads = sent.reduce((sum, { payload }) => sum + payload.length, 0);
  return payloads / sent.length + ANNOUNCEMENT_BYTES;
}

/** By its share in the mix, and whether its author is still a member. */
function outcomeOf(share: number | undefined, isSeated: boolean): UpdateOutcome {
  if (share === undefined) return isSeated ? "left-out" : "unsound";
  return share > 0 ? "counted" : "harmful";
}

function levelsOf({ members, head }: Federation): readonly (number | null)[] {
  return members.map((member) => head.levels[placeOf(member, head)] ?? null);
}

function isHonest({ role }: AgreedMember): boolean {
  return role === "honest";
}

function placeOf(member: AgreedMember, { members }: ChainHead): number {
  return members.peers.indexOf(nameOf(member));
}

/** Names that sort as the indices do. */
export function nameOf({ index }: Pick<AgreedMember, "index">): string {
  return `member-${String(index).padStart(3, "0")}`;
}
