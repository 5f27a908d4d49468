import { expect, test } from "vitest";
import type { Announcement, Network } from "../../src/gossip/index.ts";
import type { PeerPorts } from "../../src/node/peer/ports.ts";
import { decorated } from "../../testnet/attacks/attack.ts";
import { type QuickNode, startQuickNodes } from "../support/quick-nodes.ts";

const GRACE_MS = 3600;
/** Not much less than the grace, and much more than a round takes on a machine that has other things to do. */
const LATE_MS = 3000;
/** Time between two looks that counts. */
const LOOK_MS_MAX = 200;
const timing = { commitGraceMs: GRACE_MS, fetchGraceMs: GRACE_MS };
const ROUNDS = 10;
/** The last of four peers is the hostile one. */
const [PEERS, HOSTILE] = [4, 3];

type Unsigned = Omit<Announcement, "author">;
type Change = (network: Network) => Partial<Network>;

/** Rounds in which an honest peer waited for the hostile one alone, and long. */
async function longWaits(change: Change): Promise<readonly number[]> {
  const disguise = (ports: PeerPorts) => ({
    ...ports,
    network: decorated(ports.network, change(ports.network)),
  });
  const nodes = await startQuickNodes({
    ...{ peers: PEERS, rounds: ROUNDS, trainMs: 60, timing },
    disguises: { [HOSTILE]: disguise },
  });
  const [{ node }, { peerId }] = [nodes[0], nodes[HOSTILE]] as [QuickNode, QuickNode];
  const waited = Array<number>(ROUNDS).fill(0);
  let lookedAt = performance.now();
  const look = setInterval(() => {
    // a machine that stands still for seconds waits for nobody
    const passed = Math.min(performance.now() - lookedAt, LOOK_MS_MAX);
    lookedAt = performance.now();
    const { round, waitingFor } = node.status();
    if (waitingFor.join() === peerId) waited[round] = (waited[round] ?? 0) + passed;
  }, 20);
  await node.finished;
  clearInterval(look);
  return waited.flatMap((milliseconds, round) => (milliseconds > LATE_MS / 2 ? [round] : []));
}

/** Announces so late that others wait, in rounds of which this holds. */
const late =
  (isLate: (round: number) => boolean): Change =>
  (network) => ({
    announce: async (announcement: Unsigned) => {
      const wait = isLate(announcement.round) ? LATE_MS : 0;
      await new Promise((resolve) => setTimeout(resolve, wait));
      return network.announce(announcement);
    },
  });

const PATTERNS: Readonly<Record<string, Change>> = {
  "announces late, every second round": late((round) => round % 2 === 1),
  "never serves what it announced": () => ({ open: () => undefined }),
};

test("a member that makes others wait does so in five rounds at most, whatever its pattern", async () => {
  const patterns = Object.entries(PATTERNS);
  const all = await Promise.all(patterns.map(([, change]) => longWaits(change)));
  for (const [index, [pattern]] of patterns.entries()) {
    // round 0 begins when everybody is there
    const waits = all[index]?.filter((round) => round > 0) ?? [];
    // the control: at first it is waited for
    expect(waits.length, pattern).toBeGreaterThan(0);
    expect(Math.max(...waits), `${pattern}: ${waits}`).toBeLessThanOrEqual(5);
  }
});
