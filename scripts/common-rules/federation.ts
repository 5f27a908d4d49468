import {
  agreedUpdates,
  CODECS,
  COMMON_RULES,
  type CommonRuleName,
  differencesToStart,
} from "../../src/consensus/index.ts";
import type { PeerPorts } from "../../src/node/peer/ports.ts";
import { ATTACK_NAMES, ATTACKS, type AttackName } from "../../testnet/attacks/catalogue.ts";
import { colluding, Overview } from "../../testnet/attacks/collusion.ts";
import { createRandom } from "../../testnet/random.ts";
import { clockOf, Life } from "../../testnet/simulation/life.ts";
import { MemoryWire } from "../../testnet/simulation/memory-network.ts";
import {
  commonPoint,
  ownPoint,
  quadraticLearner,
  quadraticLoss,
} from "../../testnet/simulation/quadratic-learner.ts";
import { VirtualTime } from "../../testnet/simulation/virtual-time.ts";
import { type Judge, outvoted, passes } from "./gate.ts";
import { KNOWING_ATTACKS } from "./knowing-attacks.ts";

type KnowingAttack = keyof typeof KNOWING_ATTACKS;
export type SetAttack = AttackName | KnowingAttack;

/** Attacks of the catalogue on the update itself, for nothing else comes into a common set; and those that know more. */
export const SET_ATTACKS: readonly SetAttack[] = [
  ...ATTACK_NAMES.filter((name) => ATTACKS[name].kind === "value"),
  ...(Object.keys(KNOWING_ATTACKS) as KnowingAttack[]),
];

export interface Federation {
  readonly rule: CommonRuleName;
  /** `absent` attackers send nothing: what is left without their data. */
  readonly attack: SetAttack | "none" | "absent";
  readonly attackers: number;
  readonly peers: number;
  readonly rounds: number;
  readonly steps: number;
  readonly dimensions: number;
  readonly heterogeneity: number;
  readonly gate: boolean;
  readonly seed: number;
}

const UPDATES = differencesToStart(CODECS.float32);

/** Loss at the common point after rounds in which all mix one common set. Attackers come first in the roster. */
export async function federate(federation: Federation): Promise<number> {
  const { attack, attackers, peers, rounds, gate } = federation;
  const world = openWorld(federation);
  const faults = Math.floor((peers - 1) / 3);
  let state: Float32Array = new Float32Array(federation.dimensions);
  for (let round = 0; round < rounds; round += 1) {
    const all = await world.train(state, round);
    const honest = attack === "none" ? all : all.slice(attackers);
    const judges = world.judgesAt(state).slice(peers - honest.length);
    const lies = liesOf(federation, all, {
      honest,
      attackers,
      wanted: world.common.map((at, k) => at - (state[k] ?? 0)),
      random: createRandom(federation.seed, "lies", round),
      passesGate: (update) => !gate || passes(update, honest, judges, faults),
    });
    const updates = [...lies, ...honest];
    const out = gate ? outvoted(updates, judges, faults, lies.length) : [];
    state = mixed(
      federation.rule,
      state,
      updates.filter((_, i) => !out.includes(i)),
      faults - out.length,
    );
  }
  return quadraticLoss(world.common, state);
}

/** The mean loss at the common point of members that train by themselves. */
export async function alone(federation: Federation): Promise<number> {
  const world = openWorld({ ...federation, attack: "none" });
  let states = Array.from(
    { length: federation.peers },
    () => new Float32Array(federation.dimensions),
  );
  for (let round = 0; round < federation.rounds; round += 1) {
    const updates = await Promise.all(states.map((state) => world.train(state, round)));
    states = states.map((state, i) => state.map((at, k) => at + (updates[i]?.[i]?.[k] ?? 0)));
  }
  const losses = states.map((state) => quadraticLoss(world.common, state));
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

// --- internal ---

interface World {
  readonly common: Float32Array;
  /** What every member sends in a round that begins at `state`. */
  train(state: Float32Array, round: number): Promise<readonly Float32Array[]>;
  judgesAt(state: Float32Array): readonly Judge[];
}

function openWorld({ attack, attackers, peers, rounds, rule, ...options }: Federation): World {
  const { seed, dimensions, heterogeneity, steps } = options;
  const task = { seed, dimensions, heterogeneity, trainMs: 1 };
  const [time, life] = [new VirtualTime(), new Life()];
  const wire = new MemoryWire(time, {
    random: createRandom(seed),
    lossRate: 0,
    isCut: () => false,
  });
  const overview = new Overview();
  const collusion = colluding({ members: peers, attackers, rule }, overview.updatesOf);
  const members = Array.from({ length: peers }, (_, index): PeerPorts => {
    const ports = {
      learner: quadraticLearner(task, { index, time, life, slowness: 1 }),
      network: wire.join(`member-${index}`, life),
      clock: clockOf(time, life),
      updates: UPDATES,
      agreedUpdates: agreedUpdates(CODECS.float32),
    };
    if (index >= attackers || !isInCatalogue(attack)) return ports;
    const random = (round: number) => createRandom(seed, attack, index, round);
    return ATTACKS[attack].disguise(ports, { rounds, collusion, random });
  });
  const points = members.map((_, index) => ownPoint(task, index));
  return {
    common: commonPoint(task),
    train: async (state, round) => {
      const send = (some: readonly PeerPorts[]) =>
        settled(
          time,
          some.map((ports) => sentBy(ports, state, round, steps)),
        );
      const honest = await send(members.slice(attackers));
      for (const [index, update] of honest.entries()) overview.note(round, index, update);
      return [...(await send(members.slice(0, attackers))), ...honest];
    },
    judgesAt: (state) =>
      points.map(
        (point) => (update) =>
          quadraticLoss(
            point,
            state.map((at, k) => at + (update?.[k] ?? 0)),
          ),
      ),
  };
}

async function settled<T>(time: VirtualTime, work: readonly Promise<T>[]): Promise<T[]> {
  let isDone = false;
  const all = Promise.all(work).finally(() => {
    isDone = true;
  });
  await time.run(Number.POSITIVE_INFINITY, () => isDone);
  return all;
}

/** The update of a member as others decode it. */
async function sentBy(
  { learner, updates }: PeerPorts,
  state: Float32Array,
  round: number,
  steps: number,
): Promise<Float32Array> {
  const optimizer = learner.initialOptimizer();
  const { adapter } = await learner.train({ adapter: state, optimizer, round, steps });
  const memory = UPDATES.begin(state);
  const read = UPDATES.read(state, updates.offer(memory, adapter).payload);
  if (read.verdict !== "accept") throw new Error(`an update was refused: ${read.reason}`);
  return read.value.map((at, k) => at - (state[k] ?? 0));
}

function liesOf(
  { attack, attackers }: Federation,
  sent: readonly Float32Array[],
  knowledge: Parameters<(typeof KNOWING_ATTACKS)["cosines"]>[0],
): readonly Float32Array[] {
  if (attack === "none" || attack === "absent") return [];
  if (isInCatalogue(attack)) return sent.slice(0, attackers);
  const lies = KNOWING_ATTACKS[attack](knowledge);
  return Array.from({ length: attackers }, (_, i) =>
    Float32Array.from(lies[i % lies.length] ?? []),
  );
}

function isInCatalogue(attack: Federation["attack"]): attack is AttackName {
  return attack in ATTACKS;
}

function mixed(
  rule: CommonRuleName,
  state: Float32Array,
  updates: readonly Float32Array[],
  faults: number,
): Float32Array {
  const attackersMax = Math.max(0, Math.min(faults, (updates.length - 1) >> 1));
  const mix = COMMON_RULES[rule]({
    updates,
    shares: updates.map(() => 1 / updates.length),
    attackersMax,
  });
  return state.map((at, k) => at + (mix[k] ?? 0));
}
