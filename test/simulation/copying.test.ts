import { expect, test } from "vitest";
import type { AttackName } from "../../testnet/attacks/catalogue.ts";
import { Simulation } from "../../testnet/simulation/simulation.ts";

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const COPYCAT = 4;
/** How slow one honest peer is: so that the others have closed a round, or two, or the run, when it still waits. */
const SLOWNESS = [1.6, 2.5, 2, 4];

/** How often honest peers mixed what the copying peer had announced, of all their rounds; and how often it copied. */
async function copies(seed: number, others: Readonly<Record<number, AttackName>>) {
  const simulation = new Simulation({
    seed,
    peers: 6,
    rounds: 10,
    attackersMax: 1,
    gate: false,
    attacks: { [COPYCAT]: "copycat", ...others },
    faults: [{ kind: "slow", peer: 0, factor: SLOWNESS[seed % SLOWNESS.length] ?? 1 }],
    untilMs: 3_600_000,
  });
  await simulation.run();
  const [copycat, honest] = [simulation.peers[COPYCAT], simulation.watched];
  const first = new Map<string, number>();
  for (const peer of simulation.peers) {
    if (peer === copycat) continue;
    for (const [round, payloads] of peer.announced) {
      for (const payload of payloads) first.set(payload, round);
    }
  }
  const copied = [...(copycat?.announced ?? [])].filter(([round, payloads]) =>
    [...payloads].some((payload) => first.get(payload) === round),
  );
  const rounds = new Set(copied.map(([round]) => round));
  const mixed = honest.flatMap((peer) =>
    peer.rounds.filter(
      (record) =>
        rounds.has(record.round) && record.mixed.some(({ peer: id }) => id === copycat?.id),
    ),
  );
  return { copied: rounds.size, mixed: mixed.length };
}

test("a peer that waits to see an update before it commits itself gets no copy into anybody's mix", async () => {
  for (const seed of SEEDS) {
    expect((await copies(seed, {})).mixed, `seed ${seed}`).toBe(0);
  }
});

test("it does where others serve whoever asks (control)", async () => {
  let mixed = 0;
  const everybody = Object.fromEntries(
    [0, 1, 2, 3, 5].map((peer) => [peer, "open-early" as const]),
  );
  const careless = Object.fromEntries(Object.entries(everybody).filter(([peer]) => peer !== "0"));
  for (const seed of SEEDS) mixed += (await copies(seed, careless)).mixed;
  expect(mixed).toBeGreaterThan(0);
});
