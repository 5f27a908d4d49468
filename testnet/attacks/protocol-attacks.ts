import type { Announcement, Network } from "../../src/gossip/index.ts";
import type { PeerPorts } from "../../src/node/peer/ports.ts";
import type { Digest } from "../../src/types.ts";
import { type Attack, type Attacker, decorated } from "./attack.ts";

/** Not much less than the grace that others give by default. */
const LATE_MS = 12_000;

/** Attacks on what is announced and served. */
export const PROTOCOL_ATTACKS = {
  silent: protocol("takes part and never announces", (network) => ({
    announce: async (announcement) => ({
      signed: {
        announcement: { ...announcement, author: network.peerId },
        bytes: new Uint8Array(),
      },
      recipients: 0,
    }),
  })),
  withhold: protocol("announces and never serves", () => ({ open: () => undefined })),
  late: protocol("announces so late that others wait, every round", (network, { clock }) => ({
    announce: (announcement) =>
      new Promise((resolve, reject) => {
        clock.after(LATE_MS, () => network.announce(announcement).then(resolve, reject));
      }),
  })),
  equivocate: protocol("two payloads for each round", (network) => ({
    announce: async (announcement) => {
      const made = await network.announce(announcement);
      await network.announce({ ...other(announcement), sequence: announcement.sequence + 1 });
      return made;
    },
  })),
  "fast-forward": protocol("announces the last round of the run from the start", (network, by) => ({
    announce: async (announcement) => {
      const made = await network.announce(announcement);
      const sequence = announcement.sequence + 1;
      await network.announce({ ...other(announcement), round: by.rounds - 1, sequence });
      return made;
    },
  })),
  replay: protocol(
    "says its last announcement again under a new number, and its present one in another run's name",
    (network) => {
      let last: Unsigned | null = null;
      return {
        announce: async (announcement) => {
          const { run, sequence } = announcement;
          const made = await network.announce(announcement);
          await network.announce({
            ...announcement,
            run: otherDigest(run),
            sequence: sequence + 1,
          });
          if (last !== null) await network.announce({ ...last, sequence: sequence + 2 });
          last = announcement;
          return made;
        },
      };
    },
  ),
} as const satisfies Record<string, Attack>;

// --- internal ---

type Unsigned = Omit<Announcement, "author">;

function protocol(
  text: string,
  changes: (network: Network, by: Attacker & Pick<PeerPorts, "clock">) => Partial<Network>,
): Attack {
  return {
    kind: "protocol",
    text,
    disguise: (ports, attacker) => ({
      ...ports,
      network: decorated(
        ports.network,
        changes(ports.network, { ...attacker, clock: ports.clock }),
      ),
    }),
  };
}

/** The same announcement of a payload that nobody has. */
function other(announcement: Unsigned): Unsigned {
  return { ...announcement, payload: otherDigest(announcement.payload) };
}

function otherDigest(digest: Digest): Digest {
  return `${digest.startsWith("0") ? "1" : "0"}${digest.slice(1)}`;
}
