import { expect, test } from "vitest";
import type { PeerPorts } from "../../src/node/peer/ports.ts";
import { type Attacker, decorated } from "../../testnet/attacks/attack.ts";
import { ATTACKS } from "../../testnet/attacks/catalogue.ts";
import { createRandom } from "../../testnet/random.ts";
import { ALONE } from "../support/disguised-peer.ts";
import { startQuickNodes } from "../support/quick-nodes.ts";

const ROUNDS = 5;
/** Honest peers wait this long for one that has announced nothing. */
const GRACE_MS = 800;
/** One honest peer trains for longer than the others wait: when it closes a round they have long seen it. */
const TRAIN_MS = 100;
const SLOWNESS = 14;
/** Of six peers the first is the slow one, the last the hostile one. */
const [PEERS, COPYCAT] = [6, 5];
const attacker: Attacker = {
  rounds: ROUNDS,
  collusion: ALONE,
  random: (round) => createRandom(1, round),
};

type Disguise = (ports: PeerPorts) => PeerPorts;

/** Its network loses its patience sooner than the catalogue's, as these rounds are short. */
function copying(ports: PeerPorts): PeerPorts["network"] {
  const clock = decorated(ports.clock, { after: (ms, run) => ports.clock.after(ms / 10, run) });
  return ATTACKS.copycat.disguise({ ...ports, clock }, attacker).network;
}

/** Rounds in which the hostile peer announced a copy, and those in which an honest one mixed it. */
async function copies(others: Readonly<Record<number, Disguise>>) {
  const first = new Map<string, number>();
  const copied = new Set<number>();
  const noted = (index: number, { network }: PeerPorts) =>
    decorated(network, {
      announce: (announcement) => {
        const { payload, round } = announcement;
        if (index !== COPYCAT) first.set(payload, round);
        else if (first.get(payload) === round) copied.add(round);
        return network.announce(announcement);
      },
    });
  const disguises = Array.from({ length: PEERS }, (_, index): [number, Disguise] => [
    index,
    (honest) => {
      const ports = { ...honest, network: noted(index, honest) };
      if (index === COPYCAT) return { ...ports, network: copying(ports) };
      return others[index]?.(ports) ?? ports;
    },
  ]);
  const nodes = await startQuickNodes({
    ...{ peers: PEERS, rounds: ROUNDS, trainMs: TRAIN_MS, slowness: { 0: SLOWNESS } },
    timing: { commitGraceMs: GRACE_MS, fetchGraceMs: GRACE_MS },
    disguises: Object.fromEntries(disguises),
  });
  const honest = nodes.slice(0, COPYCAT);
  await Promise.all(honest.map(({ node }) => node.finished));
  const hostile = nodes[COPYCAT]?.peerId;
  const mixed = honest.flatMap(({ node }) =>
    node
      .rounds(ROUNDS)
      .filter(
        ({ round, mixed: by }) => copied.has(round) && by.some(({ peer }) => peer === hostile),
      ),
  );
  return { copied: copied.size, mixed: mixed.length };
}

test("a real node that waits to see an update before it commits itself gets no copy into anybody's mix", async () => {
  const early: Disguise = (ports) => ATTACKS["open-early"].disguise(ports, attacker);
  const [careful, careless] = await Promise.all([
    copies({}),
    copies({ 1: early, 2: early, 3: early, 4: early }),
  ]);
  expect(careful.mixed).toBe(0);
  // the control: where others serve whoever asks, it sees updates in time to announce copies of them
  expect(careless.copied).toBeGreaterThan(0);
});
