import type { RunData } from "../data/run-data.ts";
import type { TestnetOptions } from "../options.ts";
import { launchFleet, type Member, stopFleet } from "./fleet.ts";
import { Ground } from "./ground.ts";
import { createIdentities } from "./peer-config.ts";
import { type Incident, Troubles } from "./troubles.ts";

/** Peers that are up, and what befalls them. */
export interface Network {
  readonly members: readonly Member[];
  readonly troubles: Troubles;
  /** Stops every process; resolves when all are gone. */
  stop(): Promise<void>;
  /** Takes away what the peers stood on; their stores are read before. */
  remove(): void;
}

/** Gives the peers identities and a place, and starts them; resolves when all answer but those that join later. */
export async function openNetwork(
  options: TestnetOptions,
  data: RunData,
  note: (incident: Incident) => void,
  signal: AbortSignal,
): Promise<Network> {
  const { faults } = options;
  const ground = new Ground(options, data);
  try {
    const ids = await createIdentities(data.peers);
    const late = faults.flatMap((one) => (one.do === "join" ? [one.peer - 1] : []));
    const siteOf = (index: number) => ground.siteOf(index);
    const members = await launchFleet(options, data, ids, signal, { late, siteOf });
    const troubles = new Troubles(members, faults, ground, note);
    return {
      members,
      troubles,
      async stop() {
        await troubles.end();
        await stopFleet(members);
      },
      remove: () => ground.remove(),
    };
  } catch (error) {
    ground.remove();
    throw error;
  }
}
