import {
  type AgreedPoint,
  type AgreedState,
  type AgreedUpdates,
  byPeer,
  type ChainHead,
  createAgreed,
  firstPoint,
  genesis,
  type KeptArrays,
  membersAfter,
  outerTermsOf,
} from "../../../consensus/index.ts";
import type { AgreementTerms } from "../../../gossip/index.ts";
import type { Digest, PeerId } from "../../../types.ts";
import type { Store } from "../../store/contract.ts";
import type { DriverLoop } from "../driver-loop.ts";
import { Keeping } from "../keeping.ts";
import { digestOfPoint } from "../manifest.ts";
import type { PeerParts } from "../peer-parts.ts";
import type { PeerState } from "../peer-state.ts";
import { AgreedMixing } from "./agreed-mixing.ts";
import { AgreedTraining } from "./agreed-training.ts";
import { ChainAsking } from "./chain-asking.ts";
import { ChainKeeper } from "./chain-keeper.ts";
import { MemberChanges } from "./member-changes.ts";
import { attackersMinOf, firstMembers, membersOf } from "./members-of.ts";
import { PayloadPool } from "./payload-pool.ts";
import { Rollbacks } from "./rollbacks.ts";
import { Statements } from "./statements.ts";
import { Succession } from "./succession.ts";

/** For so many heights who was a member may connect. */
const HEIGHTS_ADMITTED = 3;

/** What a node of mode `agreed` works with. */
export interface AgreedRooms {
  readonly terms: AgreementTerms;
  readonly updates: AgreedUpdates;
  /** Where the run goes on. */
  readonly head: ChainHead;
  readonly chain: ChainKeeper;
  readonly statements: Statements;
  readonly training: AgreedTraining;
  readonly pool: PayloadPool;
  readonly mixing: AgreedMixing;
  readonly succession: Succession;
  readonly rollbacks: Rollbacks;
  readonly keeping: Keeping;
  readonly changes: MemberChanges;
  readonly asking: ChainAsking;
}

/** Opens them as the store left the run. */
export function openRooms(parts: PeerParts, state: PeerState, loop: DriverLoop): AgreedRooms {
  const { neighbourhoods, config, run, store, initial } = parts;
  const { agreedUpdates: updates } = parts;
  const members = firstMembers(run, neighbourhoods.at(0).members);
  const chain = new ChainKeeper(store, {
    ...{ run, members, onMembers: (head) => followMembers(parts, head) },
    onDecided: (head) => followDecision(parts, head),
    start: digestOfPoint(firstPoint(initial, outerTermsOf(config.run, "agreed"))),
  });
  const { head, point, kept } = whereLeft(parts, chain);
  const terms: AgreementTerms = {
    run,
    rosterAt: (height) => inOrder(neighbourhoods.at(height).members),
    rosterAfter: rosterAfter(run),
    isCertain: (height) => height <= chain.height,
  };
  if (!head.members.peers.includes(parts.network.peerId)) {
    parts.log.warn(
      {},
      "this node's own peer id is not among run.members: it looks on until members add it (`klatch member`)",
    );
  }
  const pool = new PayloadPool(parts, loop.signal);
  const mixing = new AgreedMixing(parts, pool, updates);
  const rollbacks = new Rollbacks(parts, { pool, chain, updates });
  const succession = new Succession(parts, { pool, mixing, rollbacks });
  succession.serve(point);
  rollbacks.serveBelow(head);
  return {
    ...{ terms, updates, chain, pool, mixing },
    head,
    statements: statementsOf(store, terms, chain),
    training: new AgreedTraining(parts, state, {
      ...{ updates, point, pool, kept, signal: loop.signal },
    }),
    ...{ succession, rollbacks },
    keeping: new Keeping(parts, state),
    changes: new MemberChanges(parts),
    asking: new ChainAsking(parts, loop.signal),
  };
}

/** The protocol, where the run goes on. */
export function protocolOf(
  { network, neighbourhoods, config, run }: PeerParts,
  { training, head, updates }: Pick<AgreedRooms, "training" | "head" | "updates">,
  trainingMs: number | undefined,
): AgreedState {
  const payload = training.restore(head);
  return createAgreed(
    {
      ...{ self: network.peerId, run, rounds: neighbourhoods.rounds },
      membersOf: membersOf(run),
      attackersMin: attackersMinOf(config.run.attackersMax, config.run.members.length),
      payloadBytes: (height) => updates.payloadBytes(height, training.point.theta.length),
      startMembers: neighbourhoods.startOthers + 1,
      timing: config.timing,
    },
    {
      head,
      ...(payload === null ? {} : { payload }),
      ...(trainingMs === undefined ? {} : { trainingMs }),
    },
  );
}

// --- internal ---

/** Who the members are above a block, whatever trust they have. */
function rosterAfter(run: Digest): NonNullable<AgreementTerms["rosterAfter"]> {
  const make = membersOf(run);
  return (block, roster) => {
    const { members, levels } = genesis(run, "", make(roster));
    return membersAfter({ members, levels }, block, make).members.peers;
  };
}

const ordered = new WeakMap<readonly PeerId[], readonly PeerId[]>();

/** Members by place: every message asks for them. */
function inOrder(members: readonly PeerId[]): readonly PeerId[] {
  const known = ordered.get(members) ?? [...members].sort(byPeer);
  ordered.set(members, known);
  return known;
}

/** From the next height on others are members; who was one lately may still come for how that was decided. */
function followMembers(
  { neighbourhoods, network, config, log }: PeerParts,
  { height, members: { peers } }: ChainHead,
): void {
  const before = neighbourhoods.at(height - 1).members;
  neighbourhoods.succeed(height, peers);
  const isGuest = !peers.includes(network.peerId);
  const recent = isGuest
    ? config.run.members
    : neighbourhoods.at(height - HEIGHTS_ADMITTED).members;
  network.admit([...new Set([...peers, ...recent])]);
  const joined = peers.filter((peer) => !before.includes(peer));
  const left = before.filter((peer) => !peers.includes(peer));
  log.info({ round: height, joined, left }, "the members are others from the next round on");
  if (left.includes(network.peerId))
    log.warn({}, "this node is no member any more: its run ends here");
}

/** What the members have decided holds for this node too, whatever it was configured with. */
function followDecision(
  { neighbourhoods, config, log }: PeerParts,
  { height, decided }: Pick<ChainHead, "height" | "decided">,
): void {
  neighbourhoods.decide(decided);
  if (decided.rolledBackAt === height - 1) {
    log.info(
      { round: height },
      "the members have rolled back: its state is mixed again without an author",
    );
    return;
  }
  if (decided.newest === null) return;
  const { rounds, steps, from } = decided.newest;
  const own = config.run.rounds;
  const unlike = own === rounds ? "" : `; run.rounds of this node, ${own}, does not count`;
  log.info({ rounds, steps, from: from + 1 }, `the members have decided about the run${unlike}`);
}

/**
 * The newest height whose state is on disk. What the chain is ahead of that by was not taken up when the node went down;
 * a state that is not the one its block names is none.
 */
function whereLeft(
  { config, initial, checkpoint, log }: PeerParts,
  chain: ChainKeeper,
): { readonly head: ChainHead; readonly point: AgreedPoint; readonly kept: KeptArrays } {
  if (checkpoint !== null) {
    const { velocity = null } = checkpoint.memory;
    const point = { theta: checkpoint.adapter, velocity };
    const head = chain.headBelow(checkpoint.round);
    const isNamed = head.height === checkpoint.round && head.checkpoint === digestOfPoint(point);
    if (isNamed) return { head, point, kept: checkpoint.memory };
    const facts = { checkpoint: checkpoint.round, blocks: head.height };
    log.warn(
      facts,
      "the chain on disk does not lead to the checkpoint: the others are asked for both",
    );
  }
  return {
    head: chain.headBelow(0),
    point: firstPoint(initial, outerTermsOf(config.run, "agreed")),
    kept: {},
  };
}

/** What there is to tell; who is behind hears of the newest final block from a node that has started again, too. */
function statementsOf(store: Store, terms: AgreementTerms, chain: ChainKeeper): Statements {
  const statements = new Statements(store, terms);
  const [newest] = chain.links(chain.headBelow().height - 1, 1);
  if (newest !== undefined) statements.conclude(newest.certificate);
  return statements;
}
