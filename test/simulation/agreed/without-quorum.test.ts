import { expect, test } from "vitest";
import { type AgreedUpdates, agreedUpdates, codecByName } from "../../../src/consensus/index.ts";
import { decodeEntry } from "../../../src/gossip/index.ts";
import { EPOCH } from "../../../testnet/simulation/life.ts";
import type { SimulatedPeer } from "../../../testnet/simulation/simulated-peer.ts";
import { Simulation } from "../../../testnet/simulation/simulation.ts";

const ROUND_MS = 9000;
const FROM = 12_000;
const UNTIL = FROM + 4 * ROUND_MS;
/** The smaller part of 5 + 3. */
const SMALLER = [5, 6, 7];
const UPDATES = agreedUpdates(codecByName("float32"));
/** For a control: what is learnt without a quorum is dropped. */
const FORGETFUL: AgreedUpdates = { ...UPDATES, trainOn: (memory) => memory };

async function run(seed: number, updates: AgreedUpdates): Promise<Simulation> {
  // little patience: who reaches no quorum trains on almost at once
  const timing = { commitGraceMs: 1000, patienceFactor: 1 };
  const partition = { kind: "partition", peers: 5, from: FROM, until: UNTIL } as const;
  const simulation = new Simulation({
    ...{
      seed,
      peers: 8,
      rounds: 8,
      steps: 1,
      mode: "agreed",
      codec: "float32",
      untilMs: 3_600_000,
    },
    ...{ timing, faults: [partition], agreedUpdates: updates },
  });
  await simulation.run();
  return simulation;
}

/** The round that was open when the parts met. */
function openRound({ peers }: Simulation): number {
  const [{ rounds }] = peers as [SimulatedPeer];
  return rounds.findIndex(({ endedAt }) => endedAt - EPOCH > FROM);
}

/** Loss of the agreed state on the smaller part's own examples, after each round. */
function lossesOf({ peers }: Simulation): readonly number[] {
  const rounds = SMALLER.map((peer) => (peers[peer] as SimulatedPeer).rounds);
  return (rounds[0] ?? []).map((_, round) => {
    const losses = rounds.map((records) => records[round]?.heldOutLoss ?? Number.NaN);
    return losses.reduce((sum, loss) => sum + loss) / losses.length;
  });
}

/** The digests of final blocks, and the state that they led to. */
function endOf({ disk }: SimulatedPeer) {
  const blocks = disk.chain.map((bytes) => decodeEntry(bytes)?.digest);
  return { blocks, state: [...(disk.checkpoint?.adapter ?? [])] };
}

test.each([1, 2, 3])("5 + 3 of 8 for four rounds (seed %i)", async (seed) => {
  const [kept, dropped] = [await run(seed, UPDATES), await run(seed, FORGETFUL)];
  const open = openRound(kept);
  const [losses, control] = [lossesOf(kept), lossesOf(dropped)];

  // nothing ends without a quorum; then the round that was open, and two more within the time of three
  for (const { rounds } of kept.peers) {
    const endedAt = (round: number) => (rounds[round]?.endedAt ?? Number.NaN) - EPOCH;
    expect(endedAt(open)).toBeGreaterThan(UNTIL);
    expect(endedAt(open + 2)).toBeLessThan(UNTIL + 3 * ROUND_MS);
  }
  for (const peer of kept.peers) expect(endOf(peer)).toEqual(endOf(kept.peers[0] as SimulatedPeer));
  // that round counts what was announced for it; what was learnt since comes with the next one, and is more than a round's
  expect(openRound(dropped)).toBe(open);
  expect(losses[open]).toBe(control[open]);
  expect(losses[open + 1]).toBeLessThan(0.75 * (control[open + 1] ?? 0));
  expect(losses[open + 1]).toBeLessThan(control[open + 2] ?? 0);
});
