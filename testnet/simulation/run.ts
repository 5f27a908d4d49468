import { z } from "zod";
import { CODEC_NAMES, TOPOLOGY, TOPOLOGY_FORMS } from "../../src/consensus/index.ts";
import { KlatchError } from "../../src/errors.ts";
import { MIXING_RULES, RUN_MODES } from "../../src/types.ts";
import { ATTACK_NAMES, ATTACKS, type AttackName } from "../attacks/catalogue.ts";
import { type BareScenario, BareSimulation } from "./bare/bare-simulation.ts";
import { lossByRound, resultOf, roundsUntil, type SimulationResult } from "./result.ts";
import type { Scenario } from "./scenario.ts";
import { Simulation } from "./simulation.ts";

/** What `klatch sim run` may be told. */
const optionsSchema = z.strictObject({
  peers: z.int().min(2).max(10_000).default(20),
  rounds: z.int().min(1).max(10_000).default(10),
  seed: z.int().min(0).max(4_294_967_295).default(1),
  steps: z.int().min(1).max(1000).default(5),
  values: z.int().min(1).max(100_000).default(16),
  topology: z.string().regex(TOPOLOGY, `expected ${TOPOLOGY_FORMS}`).default("full"),
  mode: z.enum(RUN_MODES).default("gossip"),
  codec: z.enum(CODEC_NAMES).default("int8"),
  outerMomentum: z.number().min(0).max(0.95).optional(),
  rule: z.enum(MIXING_RULES).default("cs-plus"),
  attack: z.enum(ATTACK_NAMES).optional(),
  attackers: z.int().min(0).max(9999).optional(),
  lossRate: z.number().min(0).max(0.9).default(0),
  churn: z.number().min(0).max(0.9).default(0),
  untilLoss: z.number().positive().optional(),
  driver: z.enum(["node", "step"]).optional(),
});

export type SimulationInput = z.input<typeof optionsSchema>;

/** Peers up to which each is a whole node unless said; more are the pure step alone. */
const NODES_MAX = 1000;

/** What only whole nodes can be told. */
const OF_NODES = [
  "attack",
  "values",
  "mode",
  "codec",
  "outerMomentum",
  "churn",
  "untilLoss",
] as const;

/** A simulation's result, and what it cost here. */
export interface SimulationReport extends SimulationResult {
  /** Mean loss after each round, over the honest peers that ended it; null of the step alone. */
  readonly lossByRound: readonly number[] | null;
  /** Rounds until the loss that was asked for; null when it was not reached, or none was. */
  readonly roundsUntil: number | null;
  /** Whole nodes, or the step of the protocol with graph, codec and mixing rule. */
  readonly driver: "node" | "step";
  readonly peers: number;
  readonly attackers: number;
  /** Wall time. */
  readonly seconds: number;
  readonly peakRssBytes: number;
}

/**
 * Simulates real nodes, or their protocol alone, with a quadratic task in virtual time; the last peers are the attackers.
 *
 * @throws KlatchError `usage` for options that do not do
 */
export async function runSimulation(input: SimulationInput): Promise<SimulationReport> {
  const options = parseOptions(input);
  const { attack, attackers: _, driver, peers, untilLoss, ...others } = options;
  const attackers = attackersOf(options);
  const started = performance.now();
  const attacks = attack === undefined ? {} : lastPeers(peers, attackers, attack);
  const { losses, ...result } = await (driver === "step"
    ? resultOfSteps({ ...others, peers })
    : resultOfNodes({
        ...{ ...others, peers, attacks },
        ...{ dimensions: others.values, brokenRate: others.lossRate },
      }));
  return {
    ...result,
    lossByRound: losses,
    roundsUntil: losses && untilLoss !== undefined ? roundsUntil(losses, untilLoss) : null,
    driver,
    peers,
    attackers,
    seconds: (performance.now() - started) / 1000,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}

// --- internal ---

type Options = z.output<typeof optionsSchema> & Pick<SimulationReport, "driver">;

type Outcome = SimulationResult & { readonly losses: readonly number[] | null };

async function resultOfNodes(scenario: Scenario): Promise<Outcome> {
  const simulation = new Simulation(scenario);
  await simulation.run();
  return { ...resultOf(simulation), losses: lossByRound(simulation) };
}

async function resultOfSteps(scenario: BareScenario): Promise<Outcome> {
  const simulation = new BareSimulation(scenario);
  await simulation.run();
  return { ...simulation.result(), losses: null };
}

function parseOptions(input: SimulationInput): Options {
  const parsed = optionsSchema.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw usage(
      `${flagName(String(issue?.path[0] ?? "options"))}: ${issue?.message ?? "not understood"}`,
    );
  }
  const { attack, attackers = 0, peers } = parsed.data;
  if (attack === undefined && attackers > 0) throw usage("--attackers needs --attack");
  if (attack !== undefined && ATTACKS[attack].kind === "data") {
    throw usage(`--attack ${attack} is an attack on rows, and simulated peers have none`);
  }
  if (attackersOf(parsed.data) >= peers) throw usage("the attackers leave no honest peer");
  const { driver = peers > NODES_MAX ? "step" : "node", topology } = parsed.data;
  const ofNodes = OF_NODES.find((key) => input[key] !== undefined);
  if (driver === "step" && ofNodes !== undefined) {
    throw usage(
      `${flagName(ofNodes)} needs whole nodes: at most ${NODES_MAX} --peers, or --driver node`,
    );
  }
  if (driver === "step" && topology === "full" && peers > NODES_MAX) {
    throw usage(
      `--topology full of ${peers} peers is ${peers * (peers - 1)} links: choose a sparse one`,
    );
  }
  return { ...parsed.data, driver };
}

function attackersOf({ attack, attackers }: Pick<Options, "attack" | "attackers">): number {
  return attackers ?? (attack === undefined ? 0 : 1);
}

function lastPeers(peers: number, count: number, attack: AttackName): Record<number, AttackName> {
  const indices = Array.from({ length: count }, (_, i) => peers - 1 - i);
  return Object.fromEntries(indices.map((index) => [index, attack]));
}

function flagName(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function usage(message: string): KlatchError {
  return new KlatchError("usage", message, "see klatch sim run --help");
}
