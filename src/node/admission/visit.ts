import {
  type AdmissionNetwork,
  createNetwork,
  type Identity,
  type Network,
} from "../../gossip/index.ts";
import type { PeerId } from "../../types.ts";
import { acquaint } from "../acquaintance/acquaintances.ts";
import { describeSelf } from "../acquaintance/self-description.ts";
import type { Config } from "../config/config.ts";
import { networkConfig } from "../config/network-config.ts";
import type { Logger } from "../process/logger.ts";

export interface Visit {
  readonly config: Config;
  readonly identity: Identity;
  readonly log: Logger;
  /** Whom to call, and where, as `network.bootstrap` has it. */
  readonly hosts: readonly PeerId[];
  readonly bootstrap: readonly string[];
}

/** Calls peers under the identity of a node that does not run, for as long as the work takes; nobody calls it. */
export async function visit<T>(
  { config, identity, log, hosts, bootstrap }: Visit,
  work: (network: Network & AdmissionNetwork) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const network = await createNetwork(
    {
      ...networkConfig(config),
      ...{ listen: [], announce: [], members: [...hosts], peerExchange: false },
      bootstrap: [...bootstrap],
    },
    { key: identity.key, log, visits: true },
  );
  // who visits is no node of the run yet
  acquaint(network, { ...describeSelf(config, null), visits: true }, log);
  network.onAnnouncement(() => ({ verdict: "ignore", reason: "other-run" }));
  try {
    await network.start(signal);
    return await work(network);
  } finally {
    await network.stop();
  }
}
