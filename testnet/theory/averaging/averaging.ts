import {
  COMMON_RULE_NAMES,
  COMMON_RULES,
  type CommonRuleName,
  mixFloat64,
} from "../../../src/consensus/index.ts";
import { MIXING_RULES, type MixingRule } from "../../../src/types.ts";
import { meanOf, plus, squaredDistance } from "../../attacks/statistics.ts";
import { createRandom, normal } from "../../random.ts";
import { COMMON, chosenInTurn, EQUIVOCATING, mostHarmfulOn } from "./attacks.ts";
import { HONEST, NEIGHBOURS } from "./two-worlds.ts";

/** What attackers may do: tell each victim something else, tell all the same, or be in one common set. */
export const SETTINGS = ["equivocating", "common", "agreed"] as const;

export interface AveragingTask {
  readonly setting: (typeof SETTINGS)[number];
  /** Of mode gossip, or in the setting `agreed` of mode agreed. */
  readonly rule: MixingRule | CommonRuleName;
  readonly attack: string;
  /** Neighbours of every honest peer, beside the 26 honest peers. */
  readonly attackers: number;
  readonly rounds: number;
  readonly seed: number;
}

export interface AveragingResult {
  /** Mean squared distance of honest vectors to the mean of their beginnings, over what it was at first. */
  readonly error: number;
  /** The same to their own mean: 0 when they agree. */
  readonly disagreement: number;
}

type Rows = readonly Float64Array[];

const DIMENSIONS = 5;

/**
 * Averaging under attack: 26 honest peers of two worlds begin with normal vectors and mix in rounds; attackers see
 * everything and search their harm along a line (the task of Gaucher et al., ICML 2025, arXiv 2410.10418).
 *
 * @throws Error for a rule or an attack that the setting does not have
 */
export function averaging(task: AveragingTask): AveragingResult {
  const random = createRandom(task.seed, "averaging");
  let honest: Rows = Array.from({ length: HONEST }, () =>
    Float64Array.from({ length: DIMENSIONS }, () => normal(random)),
  );
  const target = meanOf(honest);
  const initial = spread(honest, target);
  const round = ROUNDS[task.setting](task);
  for (let count = 0; count < task.rounds; count++) honest = round(honest);
  return {
    error: spread(honest, target) / initial,
    disagreement: spread(honest, meanOf(honest)) / initial,
  };
}

/** Attacks by the setting that they are of. */
export function attacksOf(setting: AveragingTask["setting"]): readonly string[] {
  return Object.keys(setting === "equivocating" ? EQUIVOCATING : COMMON);
}

// --- internal ---

type Round = (honest: Rows) => Rows;

const ROUNDS: Readonly<Record<AveragingTask["setting"], (task: AveragingTask) => Round>> = {
  equivocating: (task) => (honest) => {
    const lineOf = named(EQUIVOCATING, task.attack);
    const mixed = gossip(task, honest);
    const wanted = honestMix(honest);
    return honest.map((_, victim) => {
      const to = (sent: Float64Array) => mixed(victim, Array(task.attackers).fill(sent));
      const lie = mostHarmfulOn(lineOf(honest, victim), (sent) =>
        squaredDistance(to(sent), wanted(victim)),
      );
      return to(lie);
    });
  },
  common: (task) => (honest) => {
    const mixed = gossip(task, honest);
    const wanted = honestMix(honest);
    const places = honest.map((_, place) => place);
    const lies = chosenInTurn(named(COMMON, task.attack)(honest), task.attackers, (sent) =>
      places.reduce((sum, place) => sum + squaredDistance(mixed(place, sent), wanted(place)), 0),
    );
    return places.map((place) => mixed(place, lies));
  },
  agreed: (task) => {
    const rule = COMMON_RULE_NAMES.find((name) => name === task.rule);
    if (rule === undefined) throw new Error(`mode agreed has no rule ${task.rule}`);
    let state: Float64Array = new Float64Array(DIMENSIONS);
    return (honest) => {
      const updates = honest.map((row) => plus(row, -1, state));
      const mixed = (sent: Rows) => commonMix(rule, task.attackers, [...updates, ...sent]);
      const lies = chosenInTurn(named(COMMON, task.attack)(updates), task.attackers, (sent) =>
        squaredDistance(mixed(sent), meanOf(updates)),
      );
      state = plus(state, 1, mixed(lies));
      return honest.map(() => state);
    };
  },
};

function commonMix(rule: CommonRuleName, attackersMax: number, rows: Rows): Float64Array {
  const updates = rows.map((row) => Float32Array.from(row));
  const shares = rows.map(() => 1 / rows.length);
  return Float64Array.from(COMMON_RULES[rule]({ updates, shares, attackersMax }));
}

/** What a victim's rule makes of its honest neighbours and of what attackers send; all have the same share. */
function gossip({ rule, attackers }: AveragingTask, honest: Rows) {
  const known = MIXING_RULES.find((name) => name === rule);
  if (known === undefined) throw new Error(`mode gossip has no rule ${rule}`);
  const peers = Array.from(
    { length: HONEST + attackers },
    (_, i) => `p${String(i).padStart(2, "0")}`,
  );
  return (victim: number, sent: Rows): Float64Array => {
    const neighbours = NEIGHBOURS[victim] ?? [];
    const share = 1 / (1 + neighbours.length + attackers);
    const from = [...neighbours, ...sent.map((_, place) => HONEST + place)];
    const contributions = from.map((place) => ({
      peer: peers[place] ?? "",
      state: (place < HONEST ? honest[place] : sent[place - HONEST]) ?? new Float64Array(),
      share,
    }));
    const own = honest[victim] ?? new Float64Array();
    return mixFloat64(known, { own, contributions, attackersMax: attackers });
  };
}

/** Plain gossip among the honest. */
function honestMix(honest: Rows): (place: number) => Float64Array {
  return (place) => {
    const neighbours = (NEIGHBOURS[place] ?? []).map(
      (other) => honest[other] ?? new Float64Array(),
    );
    return meanOf([honest[place] ?? new Float64Array(), ...neighbours]);
  };
}

function named<T>(catalogue: Readonly<Record<string, T>>, name: string): T {
  const found = Object.hasOwn(catalogue, name) ? catalogue[name] : undefined;
  if (found === undefined) throw new Error(`there is no attack ${name} here`);
  return found;
}

function spread(rows: Rows, centre: Float64Array): number {
  return rows.reduce((sum, row) => sum + squaredDistance(row, centre), 0) / rows.length;
}
