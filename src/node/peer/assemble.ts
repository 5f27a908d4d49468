import {
  AnnouncementBook,
  buildGraph,
  type Certificate,
  certify,
  type Graph,
  metropolisShares,
  parseTopology,
  type ResumePoint,
} from "../../consensus/index.ts";
import { KlatchError } from "../../errors.ts";
import { emptyLedger, fromJson, type Ledger } from "../../reputation/index.ts";
import type { PeerId } from "../../types.ts";
import type { Config } from "../config/config.ts";
import type { Logger } from "../process/logger.ts";
import type { Store } from "../store/contract.ts";
import { runDigest } from "./manifest.ts";
import type { Metrics } from "./metrics.ts";
import type { PeerParts } from "./peer-parts.ts";
import type { PeerPorts } from "./ports.ts";

/**
 * Puts together what a node works with: the run, the graph, what the store kept.
 *
 * @throws KlatchError `usage` when the node is not among the members of its own run
 */
export async function assemble(
  config: Config,
  ports: PeerPorts,
  context: { readonly store: Store; readonly log: Logger; readonly metrics: Metrics },
): Promise<PeerParts> {
  const { store, log, metrics } = context;
  const { learner, network } = ports;
  const { members, rounds } = config.run;
  requireMembership(network.peerId, members);
  const run = runDigest(config.run, learner.info);
  const { graph, certificate } = planOf(config.run);
  const loaded = store.loadCheckpoint(run);
  if (loaded?.warning) log.warn({}, loaded.warning);
  const checkpoint = loaded?.checkpoint ?? null;
  const base = learner.info.modelDigest;
  return {
    ...ports,
    config,
    run,
    store,
    checkpoint,
    book: new AnnouncementBook({ run, base, rounds, members: new Set(members) }),
    ledger: { current: restoreLedger(config, checkpoint?.ledger, log) },
    neighbours: graph.get(network.peerId) ?? [],
    shares: metropolisShares(graph, network.peerId),
    certificate,
    attackersMax: attackersMaxOf(config, certificate),
    initial: await learner.initialAdapter(),
    log,
    metrics,
  };
}

/** Where the round goes on. */
export function resumePoint({ store, run, checkpoint }: PeerParts): ResumePoint {
  const [last] = store.rounds(run, 1);
  return {
    round: checkpoint?.round ?? 0,
    ...(last ? { trainingMs: last.endedAt - last.startedAt } : {}),
  };
}

// --- internal ---

interface Plan {
  readonly graph: Graph;
  readonly certificate: Certificate;
}

/** A large graph takes seconds to certify, and many nodes of one process may share a run. */
const plans = new WeakMap<Config["run"], Plan>();

function planOf(run: Config["run"]): Plan {
  const known = plans.get(run);
  if (known !== undefined) return known;
  const graph = buildGraph(parseTopology(run.topology), run.members);
  const plan = { graph, certificate: certify(run.rule, graph) };
  plans.set(run, plan);
  return plan;
}

function attackersMaxOf({ run: { attackersMax } }: Config, certificate: Certificate): number {
  return attackersMax === "auto" ? certificate.attackersMax : attackersMax;
}

function restoreLedger(config: Config, text: string | undefined, log: Logger): Ledger {
  if (text === undefined) return emptyLedger(config.reputation);
  const { ledger, warning } = fromJson(text, config.reputation);
  if (warning !== null) log.warn({}, warning);
  return ledger;
}

/** A node that is not in its own list would be refused by everyone, without a word. */
function requireMembership(self: PeerId, members: readonly PeerId[]): void {
  if (members.includes(self)) return;
  throw new KlatchError(
    "usage",
    `run.members does not name this node (${self})`,
    "list the peer ids of all members, your own included, alike on every peer",
  );
}
