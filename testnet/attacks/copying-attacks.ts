import type { Announcement, Network, SignedAnnouncement } from "../../src/gossip/index.ts";
import type { Clock } from "../../src/node/peer/clock.ts";
import { type Attack, decorated } from "./attack.ts";

/** How long a copying peer looks out for an update that it can see: as long as others wait by default. */
const PATIENCE_MS = 14_000;

/** Attacks on the rule that a peer commits itself before it sees what others have made. */
export const COPYING_ATTACKS = {
  copycat: {
    kind: "protocol",
    text: "announces a copy of the first update of the round that it gets to see",
    disguise: (ports) => ({ ...ports, network: copying(ports.network, ports.clock) }),
  },
  "open-early": {
    kind: "protocol",
    text: "serves its update to everybody at once, to those too who have not committed themselves",
    disguise: (ports) => ({
      ...ports,
      network: decorated(ports.network, { open: (payload) => ports.network.open(payload) }),
    }),
  },
} as const satisfies Record<string, Attack>;

// --- internal ---

type Unsigned = Omit<Announcement, "author">;

/** A network over which a peer announces others' updates for its own. */
function copying(network: Network, clock: Clock): Network {
  const heard = new Map<number, SignedAnnouncement>();
  const seen = new Map<number, () => void>();
  const firstOf = async (round: number): Promise<SignedAnnouncement> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    seen.set(round, resolve);
    if (heard.has(round)) resolve();
    await promise;
    return heard.get(round) as SignedAnnouncement;
  };
  return decorated(network, {
    onAnnouncement: (judge) =>
      network.onAnnouncement((signed) => {
        const { round, author } = signed.announcement;
        if (author !== network.peerId && !heard.has(round)) {
          heard.set(round, signed);
          seen.get(round)?.();
        }
        return judge(signed);
      }),
    announce: async (own: Unsigned) => {
      const late = new AbortController();
      clock.after(PATIENCE_MS, () => late.abort());
      const copied = await copyOf(network, await firstOf(own.round), late.signal);
      return network.announce({ ...own, ...copied });
    },
  });
}

/** The update of another, held as one's own; nothing when it was not to be had. */
async function copyOf(
  network: Network,
  { announcement }: SignedAnnouncement,
  signal: AbortSignal,
): Promise<Partial<Unsigned>> {
  const { author, payload, payloadBytes } = announcement;
  const fetched = await network.fetch(author, { digest: payload, bytes: payloadBytes }, { signal });
  if (!fetched.ok || signal.aborted) return {};
  network.hold(payload, fetched.bytes);
  network.open(payload);
  return { payload, payloadBytes };
}
