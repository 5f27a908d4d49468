/** A node of scripts/beside/klatch.ts: all of it real but the learner, whose task takes no time. */
import { parseConfig, silentLogger } from "../../src/index.ts";
import { createNode } from "../../src/node/embed.ts";
import type { PeerLearner } from "../../src/node/peer/ports.ts";
import { decorated } from "../../testnet/attacks/attack.ts";
import { Life } from "../../testnet/simulation/life.ts";
import { quadraticLearner } from "../../testnet/simulation/quadratic-learner.ts";

const { index, dimensions, config } = JSON.parse(process.argv[2] ?? "") as {
  readonly index: number;
  readonly dimensions: number;
  readonly config: { readonly dataDir: string };
};
const task = { seed: 1, dimensions, heterogeneity: 0.5, trainMs: 0 };
const time = {
  now: 0,
  after: (_: number, then: () => void) => void setImmediate(then),
};
const learner = quadraticLearner(task, { index, time, life: new Life(), slowness: 1 });
const told: PeerLearner = decorated(learner, {
  train: (request, signal) => {
    process.send?.(request.round);
    return learner.train(request, signal);
  },
});
const node = createNode(parseConfig(config, config.dataDir), {
  learner: told,
  log: silentLogger(),
});
await node.start();
