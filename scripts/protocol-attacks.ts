/**
 * What attacks on the protocol come to, in simulated networks of real nodes: whether honest peers notice the attackers,
 * have proof and put them out, when, whether an honest peer is ever accused, and how much longer a run takes than with
 * the same peers honest.
 *
 *   node scripts/protocol-attacks.ts [--modes gossip,agreed] [--attacks LIST] [--peers 10] [--attackers 2] [--rounds 20]
 *     [--seeds 20] [--train-ms 4000]
 *
 * Prints a line of JSON for each attack: shares of pairs of an honest peer with an attacker; of times the worst and the mean.
 */
import { parseArgs } from "node:util";
import { mean, sum } from "../src/node/view/quantities.ts";
import { ATTACK_NAMES, ATTACKS, type AttackName } from "../testnet/attacks/catalogue.ts";
import { type Trial, type TrialOutcome, tried } from "./protocol-attacks/trial.ts";

const { values } = parseArgs({
  options: {
    modes: { type: "string", default: "gossip,agreed" },
    attacks: { type: "string" },
    peers: { type: "string", default: "10" },
    attackers: { type: "string", default: "2" },
    rounds: { type: "string", default: "20" },
    seeds: { type: "string", default: "20" },
    "train-ms": { type: "string", default: "4000" },
  },
});
const [peers, attackers, rounds, seeds, trainMs] = [
  ...[values.peers, values.attackers, values.rounds, values.seeds, values["train-ms"]].map(Number),
] as [number, number, number, number, number];
const wanted = values.attacks?.split(",");

for (const mode of values.modes.split(",")) {
  if (mode !== "gossip" && mode !== "agreed") throw new Error("--modes gossip,agreed");
  const trials = Array.from({ length: seeds }, (_, i): Trial => {
    return { mode, peers, rounds, seed: i + 1, attackers, trainMs };
  });
  const clean = await inTurn(trials, (trial) => tried(trial, null));
  tell({ mode, attack: "none", ...summary(clean, clean) });
  for (const attack of ATTACK_NAMES.filter((name) => isTold(name, mode))) {
    const outcomes = await inTurn(trials, (trial) => tried(trial, attack));
    tell({ mode, attack, ...summary(outcomes, clean) });
  }
}

// --- internal ---

/** Those of the protocol, and of the agreement where there is one. */
function isTold(name: AttackName, mode: Trial["mode"]): boolean {
  const { kind } = ATTACKS[name];
  const isOfMode =
    kind === "protocol" || kind === "payload" || (kind === "agreement" && mode === "agreed");
  return isOfMode && (wanted?.includes(name) ?? true);
}

function summary(outcomes: readonly TrialOutcome[], clean: readonly TrialOutcome[]) {
  const inAll = (of: (outcome: TrialOutcome) => number) => sum(outcomes.map(of));
  const pairs = Math.max(
    1,
    inAll((each) => each.pairs),
  );
  const slower = outcomes.map(({ took }, i) => took / (clean[i]?.took ?? Number.NaN));
  return {
    noticed: inAll((each) => each.noticed) / pairs,
    proven: inAll((each) => each.proven) / pairs,
    evicted: inAll((each) => each.evicted) / pairs,
    roundsToProof: worst(outcomes.map(({ roundsToProof }) => roundsToProof)),
    roundsMixedAfter: worst(outcomes.map(({ roundsMixedAfter }) => roundsMixedAfter)),
    framed: inAll((each) => each.framed),
    unfinished: inAll((each) => each.honest - each.finished),
    timesMean: mean(slower),
    timesWorst: Math.max(...slower),
  };
}

/** Null where one has none. */
function worst(numbers: readonly (number | null)[]): number | null {
  const all = numbers.flatMap((each) => each ?? []);
  return all.length === numbers.length ? Math.max(...all) : null;
}

async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (const item of items) done.push(await work(item));
  return done;
}

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
