/**
 * What members do while they are apart and none of the parts has a quorum: each trains on alone (what the product does), or
 * the members of a part mix their states after each round's steps (tentative mixes), or all wait. The learner is the real
 * one, in this process; updates travel as they are, all are honest, and rounds and tentative mixes take the mean, which is
 * the most that a mix can give: a robust one of the smaller part does not exist where that has fewer than 2f + 1 members.
 *
 *   node scripts/without-quorum.ts --model FOLDER --data PATH [--test PATH] [--partition dirichlet:1] [--peers 8]
 *     [--larger 5] [--before 3] [--apart 4] [--steps 10] [--seed 1]
 *
 * Prints, for each way, the mean loss of the smaller part's members on examples of their own that they do not train on: of
 * what each has at the end of the partition, and of the agreed state after the round that was open, and one and two later.
 */
import { parseArgs } from "node:util";
import {
  type AgreedPoint,
  consensusTerms,
  firstPoint,
  outerStep,
  outerTermsOf,
} from "../src/consensus/index.ts";
import type { Learner, OptimizerState } from "../src/training/index.ts";
import { withLearners } from "../testnet/baselines.ts";
import { prepareData } from "../testnet/data/run-data.ts";
import { memberFiles } from "../testnet/federation/agreed-run.ts";
import { parseOptions } from "../testnet/options.ts";
import { openWorkingFolder } from "../testnet/working-folder.ts";
import { EIGHT_MEMBERS } from "./eight-members.ts";

const { values } = parseArgs({
  options: {
    ...EIGHT_MEMBERS,
    larger: { type: "string", default: "5" },
    before: { type: "string", default: "3" },
    apart: { type: "string", default: "4" },
    steps: { type: "string", default: "10" },
  },
});

type Way = "waits" | "trains on" | "mixes tentatively";

interface Member {
  readonly learner: Learner;
  optimizer: OptimizerState;
  /** What it has learnt and no round has counted. */
  progress: Float32Array;
}

const { model, data: rows, test, partition } = values;
const [peers, steps, seed] = [values.peers, values.steps, values.seed].map(Number);
const options = parseOptions({
  ...{ model, data: rows, partition, peers, steps, seed, ...(test && { test }) },
});
const [larger, before, apart] = [values.larger, values.before, values.apart].map(Number) as [
  number,
  number,
  number,
];
const outer = outerTermsOf({ outer: consensusTerms.outer.parse({}), codec: "auto" }, "agreed");
const work = await openWorkingFolder(undefined);
const data = await prepareData(options, work.path);
const files = memberFiles(options, data);
const told = await withLearners(options, files, async (learners) => {
  const found: Partial<Record<Way, object>> = {};
  for (const way of ["mixes tentatively", "trains on", "waits"] as const) {
    found[way] = await history(learners, way);
    process.stderr.write(`${way}: ${JSON.stringify(found[way])}\n`);
  }
  return found;
});
work.remove();
process.stdout.write(`${JSON.stringify({ ...values, smaller: told })}\n`);

// --- internal ---

async function history(learners: readonly Learner[], way: Way) {
  let point = firstPoint(await (learners[0] as Learner).initialAdapter(), outer);
  const members = learners.map((learner): Member => {
    const progress = new Float32Array(point.theta.length);
    return { learner, optimizer: learner.initialOptimizer(), progress };
  });
  const parts = [members.slice(0, larger), members.slice(larger)];
  const smaller = parts[1] as readonly Member[];
  let round = 0;
  /** All train from the agreed state and what they have learnt since; what each adds to that. */
  const updates = () => {
    const at = round++;
    return inTurn(members, async (member) => {
      const start = sum(point.theta, member.progress);
      const update = difference(await train(member, start, at), point.theta);
      member.progress = new Float32Array(update.length);
      return update;
    });
  };
  const close = (made: readonly Float32Array[]): AgreedPoint => outerStep(point, mean(made), outer);
  for (let i = 0; i < before; i++) point = close(await updates());
  const start = await lossOf(smaller, () => point.theta);
  const announced = await updates();
  const states = new Map(members.map((member, i) => [member, sum(point.theta, announced[i])]));
  for (let i = 0; way !== "waits" && i < apart; i++) {
    const at = round++;
    await inTurn(members, async (member) => {
      const from = states.get(member) as Float32Array;
      const state = await train(member, from, at);
      // its own steps alone, whatever a mix brought
      member.progress = sum(member.progress, difference(state, from));
      states.set(member, state);
    });
    if (way === "mixes tentatively") {
      for (const part of parts) {
        const mixed = mean(part.map((member) => states.get(member) as Float32Array));
        for (const member of part) states.set(member, mixed);
      }
    }
  }
  const own = await lossOf(smaller, (member) => states.get(member) as Float32Array);
  point = close(announced);
  const agreed = [await lossOf(smaller, () => point.theta)];
  for (let i = 0; i < 2; i++) {
    point = close(await updates());
    agreed.push(await lossOf(smaller, () => point.theta));
  }
  return { start, own, agreed };
}

async function train(member: Member, adapter: Float32Array, round: number) {
  const { learner, optimizer } = member;
  const trained = await learner.train({ adapter, optimizer, round, steps: options.steps });
  member.optimizer = trained.optimizer;
  return trained.adapter;
}

async function lossOf(members: readonly Member[], stateOf: (member: Member) => Float32Array) {
  const losses = await inTurn(members, async (member) => {
    return (await member.learner.evaluate(stateOf(member), "held-out")).loss;
  });
  return losses.reduce((total, loss) => total + loss) / losses.length;
}

async function inTurn<T>(members: readonly Member[], work: (member: Member) => Promise<T>) {
  const done: T[] = [];
  for (const member of members) done.push(await work(member));
  return done;
}

function mean(arrays: readonly Float32Array[]): Float32Array {
  const [first] = arrays as [Float32Array, ...Float32Array[]];
  return first.map(
    (_, i) => arrays.reduce((total, each) => total + (each[i] ?? 0), 0) / arrays.length,
  );
}

function sum(a: Float32Array, b: Float32Array = new Float32Array(a.length)): Float32Array {
  return a.map((value, i) => value + (b[i] ?? 0));
}

function difference(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value - (b[i] ?? 0));
}
