/**
 * What a server's FedAvg makes of the same adapter, data, split and steps: what mode agreed is compared with. Each round all
 * clients train from the server's state, one after the other in this process, and the server takes their mean, and Nesterov
 * momentum over it where asked to. States travel as they are, and a client's optimiser goes on from round to round, as a peer's does.
 *
 *   node scripts/fedavg.ts --model FOLDER --data PATH --test PATH [--partition P] [--peers 10] [--rounds 12] [--steps 20]
 *     [--seed 1] [--outer-momentum 0] [--weights rows|equal] [--mean factors|products]
 *
 * With `--mean products` the server takes the mean of the products B A, as factors again. `apart` is then how far the product of
 * the factors' means would have been from it, by the way of each round.
 */
import { parseArgs } from "node:util";
import { firstPoint, outerStep } from "../src/consensus/index.ts";
import type { Learner, OptimizerState } from "../src/training/index.ts";
import type { AdapterLayout } from "../src/types.ts";
import { withLearners } from "../testnet/baselines.ts";
import { prepareData } from "../testnet/data/run-data.ts";
import { memberFiles } from "../testnet/federation/agreed-run.ts";
import { parseOptions } from "../testnet/options.ts";
import { openWorkingFolder } from "../testnet/working-folder.ts";
import { meanOfProducts } from "./mean-of-products.ts";

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    data: { type: "string" },
    test: { type: "string" },
    partition: { type: "string" },
    peers: { type: "string", default: "10" },
    rounds: { type: "string", default: "12" },
    steps: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    "outer-momentum": { type: "string", default: "0" },
    weights: { type: "string", default: "rows" },
    mean: { type: "string", default: "factors" },
  },
});

type State = Parameters<typeof meanOfProducts>[2][number];

interface Client {
  readonly learner: Learner;
  readonly share: number;
  optimizer: OptimizerState;
}

const { model, data: rows, test, partition, weights } = values;
const options = parseOptions({
  ...{ model, data: rows, ...(partition && { partition }), ...(test && { test }) },
  ...{ peers: Number(values.peers), rounds: Number(values.rounds) },
  ...{ steps: Number(values.steps), seed: Number(values.seed) },
});
const outer = { rate: 1, momentum: Number(values["outer-momentum"]) };
const work = await openWorkingFolder(undefined);
const data = await prepareData(options, work.path);
const total = data.peers.reduce((sum, { rows: count }) => sum + count, 0);
const apart: number[] = [];
const started = performance.now();
const files = memberFiles(options, data);
const loss = await withLearners(options, files, (learners) => trained(learners.map(clientOf)));
work.remove();
const seconds = (performance.now() - started) / 1000;
const { peers, rounds, steps, seed } = options;
const { mean } = values;
const said = {
  peers,
  rounds,
  steps,
  seed,
  partition,
  weights,
  mean,
  momentum: outer.momentum,
  apart,
};
process.stdout.write(`${JSON.stringify({ ...said, loss, seconds })}\n`);

// --- internal ---

function clientOf(learner: Learner, place: number): Client {
  const all = data.peers.length;
  const share = weights === "rows" ? (data.peers[place]?.rows ?? 0) / total : 1 / all;
  return { learner, share, optimizer: learner.initialOptimizer() };
}

/** Loss on the common test set after all rounds. */
async function trained(clients: readonly Client[]): Promise<number> {
  const [first] = clients;
  if (first === undefined) return Number.NaN;
  const { layout } = first.learner.info;
  let point = firstPoint(await first.learner.initialAdapter(), outer);
  for (let round = 0; round < options.rounds; round++) {
    const states: State[] = [];
    for (const client of clients) {
      const { learner, share, optimizer } = client;
      const { steps: taken } = options;
      const result = await learner.train({ adapter: point.theta, optimizer, round, steps: taken });
      client.optimizer = result.optimizer;
      states.push({ values: result.adapter, share });
    }
    point = outerStep(point, gained(states, point.theta, layout), outer);
  }
  return (await first.learner.evaluate(point.theta, "test")).loss;
}

/** How far a round leads from its start. */
function gained(
  states: readonly State[],
  start: Float32Array,
  layout: AdapterLayout,
): Float32Array {
  if (values.mean === "products") {
    const mixed = meanOfProducts(layout, start, states);
    apart.push(mixed.apart);
    return start.map((at, i) => (mixed.values[i] ?? 0) - at);
  }
  const gains = new Float32Array(start.length);
  for (const { values: state, share } of states) {
    for (let i = 0; i < gains.length; i++) {
      gains[i] = (gains[i] ?? 0) + share * ((state[i] ?? 0) - (start[i] ?? 0));
    }
  }
  return gains;
}
