import type { NetworkConfig } from "../../gossip/index.ts";
import type { Config } from "./config.ts";
import { rosterOf } from "./roster-of.ts";

/** Cuts the network's part out of a node's configuration: the members of the run are those who may connect. */
export function networkConfig(config: Config): NetworkConfig {
  const { listen, announce, bootstrap, link: _, ...limits } = config.network;
  return {
    ...limits,
    listen: [...listen],
    announce: [...announce],
    bootstrap: [...bootstrap],
    members: [...rosterOf(config.run).everyone],
  };
}
