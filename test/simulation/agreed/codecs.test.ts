import { expect, test } from "vitest";
import { CODECS, CODECS_WITH_FEEDBACK } from "../../../src/consensus/index.ts";
import { decodeEntry } from "../../../src/gossip/index.ts";
import type { Scenario } from "../../../testnet/simulation/scenario.ts";
import { Simulation } from "../../../testnet/simulation/simulation.ts";

const DIMENSIONS = 300;
const SCENARIO: Scenario = {
  ...{ seed: 7, peers: 4, rounds: 4, mode: "agreed", gate: true, untilMs: 3_600_000 },
  dimensions: DIMENSIONS,
};

/** The sizes of the payloads of each final block, and what all have in the end. */
async function run(change: Partial<Scenario>) {
  const simulation = new Simulation({ ...SCENARIO, ...change });
  await simulation.run();
  for (const peer of simulation.watched) expect(peer.finishedAt).not.toBeNull();
  const [first, ...others] = simulation.watched.map(({ disk }) => ({
    state: [...(disk.checkpoint?.adapter ?? [])],
    sizes: disk.chain.map((bytes) => [
      ...new Set(decodeEntry(bytes)?.block.payloads.map(({ bytes: size }) => size)),
    ]),
  }));
  for (const other of others) expect(other).toEqual(first);
  return first;
}

test.each([...CODECS_WITH_FEEDBACK])(
  "all come to one state with %s, after a warm-up, with a crash and messages that are late",
  async (codec) => {
    const warm = CODECS.int8.size(DIMENSIONS);
    const own = CODECS[codec].size(DIMENSIONS);
    const crash = { kind: "crash", peer: 2, at: 9000, backAfter: 8000 } as const;

    const whole = await run({ codec, warmUp: 2, faults: [crash], lossRate: 0.2 });
    expect(whole?.sizes).toEqual([[warm], [warm], [own], [own]]);
    // without it the first rounds are as small as the others (control)
    expect((await run({ codec }))?.sizes).toEqual([[own], [own], [own], [own]]);
  },
);

test("what is of no codec of the height is mixed by nobody, in a warm-up or behind it", async () => {
  const attacked = await run({ codec: "sparse", warmUp: 2, peers: 7, attacks: { 6: "nan" } });

  expect(attacked?.state.every(Number.isFinite)).toBe(true);
});
