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
import { mixedWithout } from "../../src/node/peer/agreed/rollback.ts";
import { digestOf } from "../../src/node/peer/manifest.ts";
import { openAgreedUpdates } from "../../src/node/peer/ports.ts";
import type { Learner } from "../../src/training/index.ts";
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

/** What decides a run; `lies`: whether ballots of attackers call every honest update harmful, and their own helpful. */
export type AgreedRun = TestnetOptions & { readonly lies?: boolean };

/** The end of a round. */
export interface RoundReached {
  /** From 1. */
  readonly round: number;
  /** What a member, of several ranks the mean, has sent to one other by then: payloads and announcements. */
  readonly bytesPerPeer: number;
  /** Of the agreed state, in mode `gossip` the mean of the members', on the common test set. */
  loss(): Promise<number>;
}

/** The same in mode `agreed`. */
export interface AgreedRoundReached extends RoundReached {
  /** By index of the peer, the level of trust that ballots give it, from 0 to 8; null of one that is evicted. */
  readonly levels: readonly (number | null)[];
  /** The agreed state, and the one that the round started from. */
  readonly state: Float32Array;
  readonly begun: Float32Array;
  /** By index of the peer, its update as all read it; null of one that cannot be read or came from nobody. */
  readonly updates: readonly (Float32Array | null)[];
  /** What the agreed state would be without a peer's update in this round; null where that changes nothing. */
  without(index: number): Float32Array | null;
}

/**
 * Mode `agreed` without its network, in this process, one member after the other: learner, updates, gate, cut, standings,
 * rule and outer step are the product's. Every ballot comes in time and every member votes, so that nobody is left out
 * for being late. Attackers see what the honest send before they choose theirs.
 *
 * @param learners - Of the peers, in their order; what they have done before does not matter
 */
export async function runAgreed(
  options: AgreedRun,
  data: RunData,
  learners: readonly Learner[],
  onRound: (reached: AgreedRoundReached) => void | Promise<void>,
): Promise<void> {
  const { testFile: test, classes } = data;
  const config = configSchema.parse({
    ...trainingConfig(options, { train: [], test, classes }),
    gate: { enabled: options.gate },
  });
  const rankOf = (index: number) => ownRankOf(options, index);
  const { lies = false } = options;
  const federation = await openFederation({ config, rankOf, lies }, data, learners);
  let bytesPerPeer = 0;
  for (let round = 1; round <= options.rounds; round += 1) {
    const { theta: begun } = federation.point;
    const height = await runHeight(federation);
    bytesPerPeer += height.bytes;
    const { theta } = federation.point;
    const loss = async () => (await federation.judge.evaluate(theta, "test")).loss;
    const levels = levelsOf(federation);
    await onRound({ ...height, round, bytesPerPeer, levels, state: theta, begun, loss });
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
  readonly lies: boolean;
  readonly updates: AgreedUpdates;
  /** Of the honest, which attackers see. */
  readonly overview: Overview;
  readonly judge: Learner;
  /** By place in the first roster. */
  readonly members: readonly AgreedMember[];
  head: ChainHead;
  point: AgreedPoint;
}

interface FederationTerms extends Pick<Federation, "config" | "lies"> {
  readonly rankOf: (index: number) => number | null;
}

async function openFederation(
  { config, rankOf, lies }: FederationTerms,
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
  return { config, lies, updates, overview, judge, members, head, point };
}

/** One height: train, judge, mix, go on. Returns what a member has sent to one other, too. */
async function runHeight(
  federation: Federation,
): Promise<Pick<AgreedRoundReached, "updates" | "without"> & { readonly bytes: number }> {
  const { config, lies, updates, overview, members, head, point } = federation;
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
  const block = await blockOf(sent, { head, config, lies, theta: point.theta });
  const quorum = quorumOf(head.members.peers.length);
  const cut = cutOf(block, quorum);
  const places = cut.map(({ place }) => place);
  const shares = sharesOfCut(head.levels, places, quorum);
  const payloads = new Map(sent.map(({ digest, payload }) => [digest, payload]));
  const mixing = { updates, run: config.run };
  const mixed =
    cut.length === 0
      ? null
      : mixCut(mixing, (digest) => payloads.get(digest) ?? null, { cut, shares, head, point });
  federation.point = mixed?.point ?? point;
  const after = membersAfter(head, block, makeMembers);
  federation.head = { ...head, ...after, height: height + 1, norm: mixed?.norm ?? norm };
  for (const [member, own] of made) {
    const share = shares[places.indexOf(placeOf(member, head))];
    const isSeated = after.members.peers.includes(nameOf(member));
    goOn(member, own, outcomeOf(share, isSeated), federation.point);
  }
  const bytes = sent.reduce((sum, { payload }) => sum + payload.length, 0);
  return {
    bytes: bytes / sent.length + ANNOUNCEMENT_BYTES,
    updates: members.map((each) => {
      const read = sent.find(({ member }) => member === each)?.read;
      return read?.verdict === "accept" ? read.value.values : null;
    }),
    without: (index) => {
      const without = nameOf({ index });
      const left = mixedWithout(mixing, { without, cut, head, point }, { payloads });
      const isIn = (shares[places.indexOf(head.members.peers.indexOf(without))] ?? 0) > 0;
      return isIn && left !== null && typeof left !== "string" ? left.point.theta : null;
    },
  };
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
