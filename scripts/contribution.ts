/**
 * How well what a report says of contributions tells what members bring: leave-one-out on single rounds, and the gain along
 * the slope of the loss, against true leave-one-out, in which the whole run is trained again without the member. Mode
 * agreed, real learners in one process.
 *
 *   node scripts/contribution.ts --model DIR --data DIR --test DIR [--partition dirichlet:1.0] [--peers 10] [--rounds 12]
 *     [--steps 20] [--seed 1] [--rows 32] [--attack NAME --attackers K]
 *
 * Of each member what the run loses on the common test rows without it (true), the mean over the rounds and the other
 * members of what a single round loses without it on their own held-out rows (round), and of its part along the slope there
 * (slope); Spearman's correlation of both with the true one. Then that of what single members see with what their own
 * held-out rows lose in truth: median, least and greatest.
 */
import { parseArgs } from "node:util";
import { medianOf } from "../src/consensus/index.ts";
import { mean } from "../src/node/view/quantities.ts";
import { table } from "../src/node/view/table.ts";
import type { Learner } from "../src/training/index.ts";
import type { PeerData } from "../testnet/data/run-data.ts";
import { runAgreed } from "../testnet/federation/agreed-run.ts";
import { World } from "../testnet/matrix/world.ts";
import { parseOptions } from "../testnet/options.ts";
import { correlationOfRanks } from "./contribution/rank-correlation.ts";

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    data: { type: "string" },
    test: { type: "string" },
    partition: { type: "string", default: "dirichlet:1.0" },
    peers: { type: "string", default: "10" },
    rounds: { type: "string", default: "12" },
    steps: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    rows: { type: "string", default: "32" },
    attack: { type: "string" },
    attackers: { type: "string", default: "0" },
  },
});
const { model, data, test, partition, attack } = values;
if (model === undefined || data === undefined || test === undefined) {
  throw new Error("--model, --data and --test are required");
}
const [peers, rounds, steps, seed, attackers, rows] = [
  ...[values.peers, values.rounds, values.steps, values.seed, values.attackers, values.rows],
].map(Number) as [number, number, number, number, number, number];
const options = parseOptions({
  ...{ model, data, test, partition, peers, rounds, steps, seed, mode: "agreed", threads: 1 },
  ...(attack === undefined ? {} : { attack, attackers }),
});
const world = new World(options);
try {
  const { data: runData, learners } = await world.members();
  const all = learners.map((_, index) => index);
  const seen = await judgedRun();
  const missed: Ended[] = [];
  for (const left of all) {
    missed.push(await ended(all.filter((index) => index !== left)));
    process.stderr.write(`without ${left}: ${missed.at(-1)?.test.toFixed(4)}\n`);
  }
  const truth = missed.map(({ test }) => test - seen.end.test);
  const others = (worth: Worths, of: number) =>
    mean(all.flatMap((judge) => (judge === of ? [] : [worth[judge]?.[of] ?? 0]))) ?? 0;
  const network = (worth: Worths) => all.map((of) => others(worth, of));
  const [byRound, bySlope] = [network(seen.round), network(seen.slope)];
  const role = (of: number) => runData.peers[of]?.role ?? "";
  const lines = all.map((of) => [
    ...[String(of), role(of)],
    ...[truth, byRound, bySlope].map((each) => (1000 * (each[of] as number)).toFixed(2)),
  ]);
  const headers = ["member", "role", "true, mnat", "round, mnat", "slope, mnat"];
  process.stdout.write(`${table(headers, lines).join("\n")}\n`);
  for (const [name, worth, whole] of [
    ["round", seen.round, byRound],
    ["slope", seen.slope, bySlope],
  ] as const) {
    // What a member sees of the others, against what its own rows lose without each in truth.
    const alone = all.map((judge) => {
      const rest = all.filter((of) => of !== judge);
      const lost = (of: number) =>
        (missed[of]?.heldOut[judge] ?? 0) - (seen.end.heldOut[judge] ?? 0);
      return correlationOfRanks(
        rest.map((of) => worth[judge]?.[of] ?? 0),
        rest.map(lost),
      );
    });
    process.stdout.write(
      `${name}: Spearman ${correlationOfRanks(whole, truth).toFixed(2)}; single members ${medianOf(alone).toFixed(2)} ` +
        `(${Math.min(...alone).toFixed(2)} to ${Math.max(...alone).toFixed(2)})\n`,
    );
  }

  /** The whole run, judged round by round. */
  async function judgedRun() {
    const [round, slope] = [worths(), worths()];
    let state: Float32Array = new Float32Array();
    await runAgreed(options, runData, learners, async (reached) => {
      ({ state } = reached);
      const without = all.map((of) => reached.without(of));
      for (const [judge, learner] of learners.entries()) {
        const at = { round: reached.round, rows };
        const counted = all.filter((of) => without[of] !== null);
        const states = counted.map((of) => without[of] as Float32Array);
        const probed = await learner.probe(state, states, { ...at, step: 1 });
        const { gradient } = await learner.slope(reached.begun, at);
        for (const [i, of] of counted.entries()) {
          add(round, judge, of, ((probed.stepped[i] as number) - probed.base) / rounds);
          const update = reached.updates[of] as Float32Array;
          const along = gradient.reduce((sum, at, k) => sum - at * (update[k] as number), 0);
          add(slope, judge, of, along / counted.length / rounds);
        }
      }
    });
    return { round, slope, end: await measured(state, learners) };
  }

  /** How a run of some members ends, for all. */
  async function ended(those: readonly number[]): Promise<Ended> {
    let state: Float32Array = new Float32Array();
    const some = { ...runData, peers: those.map((index) => runData.peers[index] as PeerData) };
    const taught = those.map((index) => learners[index] as Learner);
    await runAgreed(options, some, taught, (reached) => {
      ({ state } = reached);
    });
    return measured(state, learners);
  }

  function worths(): number[][] {
    return all.map(() => all.map(() => 0));
  }
} finally {
  await world.close();
}

// --- internal ---

/** What each judge sees in each member, in nats per token: positive is of use. */
type Worths = readonly (readonly number[])[];

interface Ended {
  readonly test: number;
  /** Of each member's own held-out rows. */
  readonly heldOut: readonly number[];
}

function add(worth: number[][], judge: number, of: number, gain: number): void {
  const row = worth[judge] as number[];
  row[of] = (row[of] as number) + gain;
}

async function measured(state: Float32Array, learners: readonly Learner[]): Promise<Ended> {
  const heldOut: number[] = [];
  for (const learner of learners) heldOut.push((await learner.evaluate(state, "held-out")).loss);
  const [first] = learners as readonly [Learner];
  return { test: (await first.evaluate(state, "test")).loss, heldOut };
}
