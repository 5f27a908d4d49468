import {
  type AgreedUpdates,
  agreedUpdates,
  CODECS_WITH_FEEDBACK,
  codecByName,
  codecOf,
  differencesToStart,
  differencesToTracks,
  Ranks,
  type Updates,
} from "../../consensus/index.ts";
import { KlatchError } from "../../errors.ts";
import { createNetwork, loadOrCreateIdentity, type Network } from "../../gossip/index.ts";
import { createLearner, type Learner, rankIn, rankOf, rankSlices } from "../../training/index.ts";
import type { AdapterLayout } from "../../types.ts";
import { Desk } from "../admission/desk.ts";
import { openSettled, settled } from "../budget/settle.ts";
import type { Config } from "../config/config.ts";
import { hubOptions } from "../config/hub-options.ts";
import { learnerOptions } from "../config/learner-options.ts";
import { networkConfig } from "../config/network-config.ts";
import { identityFile } from "../folders/data-folder.ts";
import { downloadLog } from "../process/download-log.ts";
import { noticeLog } from "../process/learner-notices.ts";
import type { Logger } from "../process/logger.ts";
import { lentModel } from "../sharing/run-model.ts";
import type { Store } from "../store/contract.ts";
import { type Clock, systemClock } from "./clock.ts";

/** What a node asks of its learner. */
export type PeerLearner = Pick<
  Learner,
  | "info"
  | "initialAdapter"
  | "initialOptimizer"
  | "train"
  | "evaluate"
  | "probe"
  | "planMemory"
  | "close"
>;

/** Everything through which a node touches the world, besides its store. */
export interface PeerPorts {
  readonly learner: PeerLearner;
  readonly network: Network;
  readonly clock: Clock;
  /** How states travel. */
  readonly updates: Updates;
  /** How updates travel in mode `agreed`. */
  readonly agreedUpdates: AgreedUpdates;
}

/** What ports are opened with. */
export interface PortContext {
  readonly store: Store;
  readonly log: Logger;
  readonly signal?: AbortSignal;
}

export type OpenPorts = (config: Config, context: PortContext) => Promise<PeerPorts>;

/**
 * The real learner, network and clock of a configuration, whose codec and rank may be auto; those that are given are
 * taken instead.
 *
 * @throws KlatchError as the learner and the network do
 */
export async function openPorts(
  asked: Config,
  context: PortContext,
  given: Partial<PeerPorts> = {},
): Promise<PeerPorts> {
  const { learner, config } =
    given.learner === undefined
      ? await openSettled(asked, (settings) => openLearner(settings, context))
      : { learner: given.learner, config: settledFor(asked, given.learner) };
  try {
    return {
      learner,
      network: given.network ?? (await openNetwork(config, context)),
      clock: given.clock ?? systemClock,
      updates: given.updates ?? openUpdates(config),
      agreedUpdates: given.agreedUpdates ?? openAgreedUpdates(config, learner.info.layout),
    };
  } catch (error) {
    await learner.close();
    throw error;
  }
}

/** How states travel in a run: the one place that chooses. */
export function openUpdates({ run }: Config): Updates {
  const name = codecOf(run);
  const codec = codecByName(name);
  // int8 loses nothing that shows, and needs no memory of neighbours
  return CODECS_WITH_FEEDBACK.has(name) ? differencesToTracks(codec) : differencesToStart(codec);
}

/** The same of mode `agreed`, where a node may send less than the whole rank. */
export function openAgreedUpdates(
  {
    run,
    training,
  }: {
    readonly run: Pick<Config["run"], "codec" | "seed" | "feedback" | "warmUp" | "rankMin">;
    readonly training?: Pick<Config["training"], "rank">;
  },
  layout: Pick<AdapterLayout, "tensors" | "length">,
): AgreedUpdates {
  const ranks = new Ranks(rankSlices(layout), run.rankMin ?? Number.POSITIVE_INFINITY);
  const own = training?.rank ?? ranks.most;
  return agreedUpdates(codecByName(codecOf(run)), run, { ranks, own });
}

// --- internal ---

/** A learner that is given has the rank that it has. */
function settledFor(config: Config, { info }: PeerLearner): Config {
  const found = settled(config, info.layout);
  const [rank, own] = [rankOf(found.run), rankIn(info.layout)];
  if (config.run.bytesPerRound === null || own === null || own === rank) return found;
  throw new KlatchError(
    "usage",
    `run.bytesPerRound chooses rank ${rank}, and the learner that is given has rank ${own}`,
    "set run.adapter.rank to the learner's, or give one of that rank",
  );
}

async function openLearner(config: Config, { log, signal }: PortContext): Promise<PeerLearner> {
  const hub = hubOptions(config.cache, {
    report: downloadLog(log),
    ...(signal === undefined ? {} : { signal }),
  });
  const learner = await createLearner(learnerOptions(config), hub, noticeLog(log));
  return config.init === null ? learner : beginningFrom(config.init, learner);
}

/** A learner whose run begins from an adapter of a folder. */
async function beginningFrom(folder: string, learner: Learner): Promise<PeerLearner> {
  try {
    const adapter = await learner.importAdapter(folder);
    return {
      info: learner.info,
      initialAdapter: async () => adapter,
      initialOptimizer: () => learner.initialOptimizer(),
      train: (...given) => learner.train(...given),
      evaluate: (...given) => learner.evaluate(...given),
      probe: (...given) => learner.probe(...given),
      planMemory: () => learner.planMemory(),
      close: () => learner.close(),
    };
  } catch (error) {
    await learner.close();
    throw error;
  }
}

async function openNetwork(config: Config, { store, log }: PortContext): Promise<Network> {
  const identity = await loadOrCreateIdentity(identityFile(store.folder));
  // a member that was away when all seats were taken asks for the run that its creator sealed
  const desk = Desk.of({ dataDir: store.folder, identity, log });
  const admission = desk?.state.sealed ? { admission: desk.answer } : {};
  const files = lentModel(config, store.folder, desk, log);
  const given = files === null ? admission : { ...admission, files };
  return createNetwork(networkConfig(config), { key: identity.key, log, ...given });
}
