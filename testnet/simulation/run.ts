import { z } from "zod";
import { TOPOLOGY, TOPOLOGY_FORMS } from "../../src/consensus/index.ts";
import { KlatchError } from "../../src/errors.ts";
import { MIXING_RULES } from "../../src/types.ts";
import { ATTACK_NAMES, ATTACKS, type AttackName } from "../attacks/catalogue.ts";
import { resultOf, type SimulationResult } from "./result.ts";
import { Simulation } from "./simulation.ts";

/** What `klatch sim run` may be told. */
const optionsSchema = z.strictObject({
  peers: z.int().min(2).max(10_000).default(20),
  rounds: z.int().min(1).max(10_000).default(10),
  seed: z.int().min(0).max(4_294_967_295).default(1),
  steps: z.int().min(1).max(1000).default(5),
  topology: z.string().regex(TOPOLOGY, `expected ${TOPOLOGY_FORMS}`).default("full"),
  rule: z.enum(MIXING_RULES).default("cs-plus"),
  attack: z.enum(ATTACK_NAMES).optional(),
  attackers: z.int().min(0).max(9999).optional(),
  lossRate: z.number().min(0).max(0.9).default(0),
});

export type SimulationInput = z.input<typeof optionsSchema>;

/** A simulation's result, and what it cost here. */
export interface SimulationReport extends SimulationResult {
  readonly peers: number;
  readonly attackers: number;
  /** Wall time. */
  readonly seconds: number;
  readonly peakRssBytes: number;
}

/**
 * Simulates real nodes with a quadratic task in virtual time; the last peers are the attackers.
 *
 * @throws KlatchError `usage` for options that do not do
 */
export async function runSimulation(input: SimulationInput): Promise<SimulationReport> {
  const options = parseOptions(input);
  const { attack, peers, ...scenario } = options;
  const attackers = attackersOf(options);
  const started = performance.now();
  const simulation = new Simulation({
    ...scenario,
    peers,
    attacks: attack === undefined ? {} : lastPeers(peers, attackers, attack),
  });
  await simulation.run();
  return {
    ...resultOf(simulation),
    peers,
    attackers,
    seconds: (performance.now() - started) / 1000,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}

// --- internal ---

type Options = z.output<typeof optionsSchema>;

function parseOptions(input: SimulationInput): Options {
  const parsed = optionsSchema.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw usage(`--${String(issue?.path[0] ?? "options")}: ${issue?.message ?? "not understood"}`);
  }
  const { attack, attackers = 0, peers } = parsed.data;
  if (attack === undefined && attackers > 0) throw usage("--attackers needs --attack");
  if (attack !== undefined && ATTACKS[attack].kind === "data") {
    throw usage(`--attack ${attack} is an attack on rows, and simulated peers have none`);
  }
  if (attackersOf(parsed.data) >= peers) throw usage("the attackers leave no honest peer");
  return parsed.data;
}

function attackersOf({ attack, attackers }: Options): number {
  return attackers ?? (attack === undefined ? 0 : 1);
}

function lastPeers(peers: number, count: number, attack: AttackName): Record<number, AttackName> {
  const indices = Array.from({ length: count }, (_, i) => peers - 1 - i);
  return Object.fromEntries(indices.map((index) => [index, attack]));
}

function usage(message: string): KlatchError {
  return new KlatchError("usage", message, "see klatch sim run --help");
}
