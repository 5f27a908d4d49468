import { type Command, Option } from "commander";
import { CODEC_NAMES, TOPOLOGY_FORMS } from "../../consensus/index.ts";
import { MIXING_RULES, RUN_MODES } from "../../types.ts";
import { bytes } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";
import { decimalNumber, wholeNumber } from "./number-flags.ts";
import { defineTheory } from "./sim-theory.ts";
import { loadTestnetModule } from "./testnet-door.ts";

type Simulator = typeof import("../../../testnet/simulation/run.ts");
type Report = Awaited<ReturnType<Simulator["runSimulation"]>>;

const whole = wholeNumber(0, Number.MAX_SAFE_INTEGER);

/** `klatch sim run`: many real nodes in one process, with a quadratic task, a memory network and virtual time. */
export function define(command: Command, terminal: Terminal): void {
  defineTheory(command, terminal);
  command
    .command("run")
    .description("simulate rounds of many peers: the real node, a made-up task")
    .option("--peers <n>", "peers, attackers included (default: 20)", whole)
    .option("--rounds <n>", "rounds of train, exchange, mix (default: 10)", whole)
    .option("--seed <n>", "decides everything: the same seed gives the same digest", whole)
    .option("--steps <n>", "local steps per round", whole)
    .option("--values <n>", "values of the made-up model (default: 16)", whole)
    .addOption(
      new Option("--mode <name>", "how rounds end (default: gossip)").choices([...RUN_MODES]),
    )
    .addOption(
      new Option("--codec <name>", "how updates travel (default: int8)").choices([...CODEC_NAMES]),
    )
    .option(
      "--outer-momentum <x>",
      "momentum over the rounds (default: 0.6 in mode agreed, else 0)",
      decimalNumber(0, 0.95),
    )
    .option("--topology <name>", `who exchanges with whom: ${TOPOLOGY_FORMS}`)
    .addOption(new Option("--rule <name>", "mixing rule").choices([...MIXING_RULES]))
    .option("--attack <name>", "what the attackers do")
    .option("--attackers <n>", "how many of the peers attack: the last ones", whole)
    .option(
      "--loss-rate <x>",
      "share of messages and transfers that are lost, and come a while later",
      decimalNumber(0, 0.9),
    )
    .option(
      "--churn <x>",
      "share of the time that each peer is away: it dies and comes back, again and again",
      decimalNumber(0, 0.9),
    )
    .option("--until-loss <x>", "tell the rounds until a loss is reached", Number)
    .addOption(
      new Option(
        "--driver <name>",
        "whole nodes, or the step of the protocol alone (default: nodes up to 1000 peers)",
      ).choices(["node", "step"]),
    )
    .option("--json", "print one JSON document")
    .action(async ({ json, ...flags }: Flags) => {
      const { runSimulation } = await loadTestnetModule<Simulator>("simulation/run");
      const report = await runSimulation(flags);
      if (json === true) return terminal.json(report);
      for (const line of describe(report, flags.untilLoss)) terminal.line(line);
    });
}

// --- internal ---

interface Flags {
  readonly untilLoss?: number;
  readonly json?: boolean;
}

function describe(report: Report, untilLoss?: number): readonly string[] {
  const { driver, peers, attackers, rounds, virtualSeconds, loss, bytesPerPeer, seconds } = report;
  const { roundsUntil } = report;
  return [
    `peers     ${peers}, ${attackers} of them attackers, ${driver === "node" ? "each a whole node" : "each the step of the protocol alone"}`,
    `rounds    ${rounds} in ${Math.round(virtualSeconds)} s of virtual time`,
    `loss      ${loss.toFixed(4)} on the common task, whose floor is 0.1`,
    ...(untilLoss === undefined
      ? []
      : [`until     ${untilLoss}: ${roundsUntil?.toFixed(1) ?? "more than these"} rounds`]),
    `traffic   ${bytes(bytesPerPeer)} sent per peer`,
    `digest    ${report.digest}`,
    `here      ${seconds.toFixed(1)} s, ${bytes(report.peakRssBytes)} of memory`,
  ];
}
