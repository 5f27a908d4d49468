import { AnnouncementBook, type ResumePoint } from "../../consensus/index.ts";
import { emptyLedger, fromJson, type Ledger } from "../../reputation/index.ts";
import { acquaint } from "../acquaintance/acquaintances.ts";
import { describeSelf } from "../acquaintance/self-description.ts";
import { roundCosts, settled } from "../budget/settle.ts";
import type { Config } from "../config/config.ts";
import { requireConnections } from "../config/mode-of.ts";
import type { Logger } from "../process/logger.ts";
import type { NodeEvent } from "../records/records.ts";
import type { Store } from "../store/contract.ts";
import { digestOfState, runTerms, termsDigest } from "./manifest.ts";
import type { Metrics } from "./metrics.ts";
import { Neighbourhoods } from "./neighbourhoods.ts";
import type { PeerParts } from "./peer-parts.ts";
import type { PeerPorts } from "./ports.ts";

/**
 * Puts together what a node works with: the run, the graph, what the store kept.
 *
 * @param given - its codec and rank may be auto
 * @throws KlatchError `usage` when the node is not among the members of its own run, or may not be connected to all
 *   whom it exchanges with
 */
export async function assemble(
  given: Config,
  ports: PeerPorts,
  context: {
    readonly store: Store;
    readonly log: Logger;
    readonly metrics: Metrics;
    readonly tell?: (event: NodeEvent) => void;
  },
): Promise<PeerParts> {
  const { store, log, metrics, tell = () => undefined } = context;
  const { learner, network } = ports;
  const { layout } = learner.info;
  const config = settled(given, layout);
  // The run as it was given: nodes of one process that share it share its graph.
  const neighbourhoods = new Neighbourhoods(given.run, network.peerId);
  requireConnections(config);
  const initial = await learner.initialAdapter();
  const init = config.init === null ? null : digestOfState(initial);
  const terms = runTerms(config.run, learner.info, init);
  const run = termsDigest(terms);
  const loaded = store.loadCheckpoint(run);
  if (loaded?.warning) log.warn({}, loaded.warning);
  const checkpoint = loaded?.checkpoint ?? null;
  return {
    ...ports,
    config,
    run,
    terms,
    store,
    checkpoint,
    book: new AnnouncementBook({
      ...{ run, roster: neighbourhoods },
      // members of mode agreed may decide otherwise while the run lasts
      get rounds() {
        return neighbourhoods.rounds;
      },
    }),
    ledger: { current: restoreLedger(config, checkpoint?.ledger, log) },
    neighbourhoods,
    initial,
    costs: roundCosts(given, layout),
    acquaintances: acquaint(network, describeSelf(config, { ...learner.info, init }), log),
    log,
    metrics,
    tell,
  };
}

/** Where the round goes on. A member that joins later takes over the state of the others in the round before. */
export function resumePoint({ store, run, checkpoint, neighbourhoods }: PeerParts): ResumePoint {
  const { firstRound } = neighbourhoods;
  if (checkpoint === null && firstRound > 0) return { round: firstRound - 1, adopting: true };
  const [last] = store.rounds(run, 1);
  return {
    round: checkpoint?.round ?? 0,
    ...(last ? { trainingMs: last.endedAt - last.startedAt } : {}),
  };
}

// --- internal ---

function restoreLedger(config: Config, text: string | undefined, log: Logger): Ledger {
  if (text === undefined) return emptyLedger(config.reputation);
  const { ledger, warning } = fromJson(text, config.reputation);
  if (warning !== null) log.warn({}, warning);
  return ledger;
}
