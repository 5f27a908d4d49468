import { expect, test } from "vitest";
import { decodeEntry } from "../../../src/gossip/index.ts";
import type { PeerPorts } from "../../../src/node/peer/ports.ts";
import type { PeerId } from "../../../src/types.ts";
import { decorated } from "../../../testnet/attacks/attack.ts";
import type { SimulatedPeer } from "../../../testnet/simulation/simulated-peer.ts";
import { Simulation } from "../../../testnet/simulation/simulation.ts";

const MEMBERS = 10;
/** f of them: those who are there first, and so are asked first. */
const LIARS = 3;
/** Blocks that a liar tells of. */
const STALE = 2;
const BACK_AT = 25_000;
/** Rounds take some five seconds. */
const ROUND_MS = 5000;

type Network = PeerPorts["network"];
type Ask = Network["fetchChain"];
/** How a node asks for blocks, when it knows who lies. */
type Asking = (ports: PeerPorts, liars: readonly PeerId[]) => Ask;

/** Tells of the first blocks only, in which everything is right, and of nothing that is being agreed. */
const stale = (network: Network): Partial<Network> => ({
  onTellChain: (tell) =>
    network.onTellChain((from, most) => tell(from, Math.max(0, Math.min(most, STALE - from)))),
  onTellAgreement: () => undefined,
});

/** A node that comes late; the states of it and of an honest member two rounds after. */
async function run(
  joiner: number,
  seed: number,
  asking: Asking,
): Promise<readonly [SimulatedPeer, SimulatedPeer]> {
  const liars: PeerId[] = [];
  const simulation = new Simulation({
    ...{ seed, peers: Math.max(MEMBERS, joiner + 1), members: MEMBERS, rounds: 30, steps: 1 },
    ...{ mode: "agreed", trainMs: 3000, gate: false },
    faults: [{ kind: "crash", peer: joiner, at: 2100, backAfter: BACK_AT - 2100 }],
    disguise: (ports, index) => {
      const { network } = ports;
      if (index === joiner) {
        // no gossip tells it that the others are further
        const deaf = { fetchChain: asking(ports, liars), onRefused: () => undefined };
        return { ...ports, network: decorated(network, deaf) };
      }
      if (liars.length === LIARS) return ports;
      liars.push(network.peerId);
      return { ...ports, network: decorated(network, stale(network)) };
    },
  });
  await simulation.time.run(BACK_AT + 2 * ROUND_MS, () => false);
  const honest = simulation.peers.find(({ id, index }) => index !== joiner && !liars.includes(id));
  return [simulation.peers[joiner], honest] as [SimulatedPeer, SimulatedPeer];
}

const chainOf = ({ disk }: SimulatedPeer) => disk.chain.map((bytes) => decodeEntry(bytes)?.digest);

const asItIs: Asking = ({ network }) => network.fetchChain.bind(network);

/** Liars do not answer, and do not refuse to. */
const whileLiarsAreSlow: Asking =
  ({ network, clock }, liars) =>
  async (peer, from, options) => {
    if (!liars.includes(peer)) return network.fetchChain(peer, from, options);
    const { promise, resolve } = Promise.withResolvers<void>();
    clock.after(60_000, resolve);
    await promise;
    return { ok: false, failure: "timeout", detail: "it said nothing" };
  };

const fromOneLiarOnly: Asking =
  ({ network }, [liar = ""]) =>
  (_, from, options) =>
    network.fetchChain(liar, from, options);

/** A member, and a node that only looks on. */
const JOINERS = [9, 10];
const CASES = JOINERS.flatMap((joiner) =>
  [asItIs, whileLiarsAreSlow].map((asking) => [joiner, asking] as const),
);

test.each(CASES)(
  "peer %i, who comes late, has the chain whatever f members withhold (%o)",
  async (joiner, asking) => {
    const [late, other] = (await run(joiner, 1, asking)).map(chainOf);
    expect(other?.length).toBeGreaterThan(STALE + 2);
    expect(late?.length).toBeGreaterThanOrEqual((other?.length ?? 0) - 1);
    expect(other?.slice(0, late?.length)).toEqual(late?.slice(0, other?.length));
  },
);

test.each(JOINERS)("peer %i, asking a liar only, is left behind", async (joiner) => {
  const [late, other] = (await run(joiner, 1, fromOneLiarOnly)).map(chainOf);
  expect(late).toEqual(other?.slice(0, STALE));
});
