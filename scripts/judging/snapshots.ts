import { firstPoint, outerStep, outerTermsOf, restoredMemory } from "../../src/consensus/index.ts";
import { configSchema } from "../../src/node/config/config.ts";
import { openAgreedUpdates } from "../../src/node/peer/ports.ts";
import type { Learner, OptimizerState } from "../../src/training/index.ts";
import { decorated } from "../../testnet/attacks/attack.ts";
import { ATTACK_NAMES, ATTACKS, type AttackName } from "../../testnet/attacks/catalogue.ts";
import { colluding } from "../../testnet/attacks/collusion.ts";
import { meanOf, plus } from "../../testnet/attacks/statistics.ts";
import { contribute, createMember } from "../../testnet/federation/agreed-member.ts";
import { World } from "../../testnet/matrix/world.ts";
import { parseOptions } from "../../testnet/options.ts";
import { trainingConfig } from "../../testnet/processes/peer-config.ts";

/** Peers of a run, of whom the last ones attack. */
const PEERS = 10;
export const ATTACKERS = 2;

/** A round: the state that it starts from, what everybody honest sends, and what attackers send in its place. */
export interface Snapshot {
  readonly round: number;
  readonly theta: Float32Array;
  /** Of the honest peers, with the learner of each. */
  readonly honest: readonly { readonly learner: Learner; readonly update: Float32Array }[];
  readonly attacks: readonly {
    readonly attack: AttackName;
    readonly updates: readonly Float32Array[];
  }[];
}

export type Run = Awaited<ReturnType<typeof openRun>>;

export async function openRun(input: {
  readonly model: string;
  readonly data: string;
  readonly partition: string;
  readonly steps: number;
  readonly seed: number;
}) {
  const options = parseOptions({ ...input, peers: PEERS, mode: "agreed", rounds: 12, threads: 1 });
  const world = new World(options);
  const { data, learners } = await world.members();
  const { testFile: test, classes } = data;
  const config = configSchema.parse(trainingConfig(options, { train: [], test, classes }));
  return { options, learners, config, close: () => world.close() };
}

/** Runs without attackers, with plain averaging and the run's outer step, and stops at the rounds named, from 0. */
export async function* snapshotsOf({ learners, config, options }: Run, at: readonly number[]) {
  const [first] = learners as readonly [Learner, ...Learner[]];
  const updates = openAgreedUpdates(config, first.info.layout);
  const outer = outerTermsOf(config.run, "agreed");
  let point = firstPoint(await first.initialAdapter(), outer);
  const optimizers: OptimizerState[] = learners.map((each) => each.initialOptimizer());
  for (let round = 0; round <= Math.max(...at); round += 1) {
    const { theta } = point;
    const trained: Float32Array[] = [];
    for (const [i, learner] of learners.entries()) {
      const optimizer = optimizers[i] as OptimizerState;
      const { adapter, optimizer: next } = await learner.train({
        ...{ adapter: theta, optimizer, round, steps: options.steps },
      });
      optimizers[i] = next;
      trained.push(adapter);
    }
    const sent = trained.map((state) => decoded(Float32Array.from(plus(state, -1, theta)), round));
    if (at.includes(round)) {
      const honest = sent.slice(0, -ATTACKERS);
      const attacks = await attacksOn(round, honest);
      yield {
        ...{ round, theta, attacks },
        honest: honest.map((update, i) => ({ learner: learners[i] as Learner, update })),
      } satisfies Snapshot;
    }
    point = outerStep(point, Float32Array.from(meanOf(sent)), outer);

    async function attacksOn(round: number, honest: readonly Float32Array[]) {
      const { agreedRule: rule } = config.run;
      const known = { members: PEERS, attackers: ATTACKERS, rule };
      const collusion = colluding(known, async () => honest);
      const made: Snapshot["attacks"][number][] = [];
      for (const attack of ATTACK_NAMES.filter((name) => ATTACKS[name].kind === "value")) {
        const updates: Float32Array[] = [];
        for (let index = PEERS - ATTACKERS; index < PEERS; index += 1) {
          const learner = learners[index] as Learner;
          const adapter = trained[index] as Float32Array;
          const optimizer = optimizers[index] as OptimizerState;
          // what it trained is known already
          const taught = decorated(learner, {
            train: async () => ({ adapter, optimizer }) as never,
          });
          const role = { index, role: attack, learner: taught };
          const member = createMember(role, config, { point, collusion });
          const { payload } = await contribute(member, { height: round, norm: 0, steps: 1 });
          updates.push(read(payload, round));
        }
        made.push({ attack, updates });
      }
      return made;
    }
  }

  function decoded(update: Float32Array, round: number): Float32Array {
    const memory = restoredMemory(update.map(() => 0));
    return read(updates.offer(memory, update, { height: round, norm: 0 }).payload, round);
  }

  function read(payload: Uint8Array, round: number): Float32Array {
    const verdict = updates.read(payload, first.info.layout.length, { height: round, norm: 0 });
    return verdict.verdict === "accept"
      ? verdict.value.values
      : new Float32Array(first.info.layout.length);
  }
}
