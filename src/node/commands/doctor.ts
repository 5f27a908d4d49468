import type { Command } from "commander";
import { EXIT_CODES } from "../../errors.ts";
import type { HubEvent } from "../../training/index.ts";
import type { Config } from "../config/config.ts";
import { hubOptions } from "../config/hub-options.ts";
import { attempt, type Check } from "../doctor/check.ts";
import { checkLearning } from "../doctor/learning.ts";
import { checkClock, checkDisk, checkMemory, checkRuntime } from "../doctor/machine.ts";
import { checkQuiet } from "../doctor/quiet.ts";
import { checkReach } from "../doctor/reach.ts";
import type { RoundCosts } from "../records/records.ts";
import { costTable } from "../view/cost-table.ts";
import { downloadView } from "../view/download-view.ts";
import type { Terminal } from "../view/terminal.ts";
import { wrapped } from "../view/wrapped.ts";
import { addConfigOptions, configOf } from "./config-options.ts";

const MARKS = { pass: "ok  ", warn: "warn", fail: "FAIL" } as const;

/** `klatch doctor`: will it work here; exit code 1 when any check fails. */
export function define(command: Command, terminal: Terminal): void {
  addConfigOptions(command);
  command
    .option("--json", "print one JSON document")
    .action(async ({ json }: { json?: boolean }) => {
      const { checks, costs } = await examine(configOf(command), downloadView(terminal));
      if (json === true) terminal.json({ checks, costs });
      else for (const check of checks) show(check, terminal, costs);
      if (checks.some(({ status }) => status === "fail")) terminal.fail(EXIT_CODES.internal);
    });
}

// --- internal ---

/** All checks, the training step before memory, so that its use is seen. */
async function examine(
  given: Config,
  report: (event: HubEvent) => void,
): Promise<{ readonly checks: readonly Check[]; readonly costs: RoundCosts | null }> {
  const hub = hubOptions(given.cache, { report });
  const { checks, facts, config, costs } = await checkLearning(given, hub);
  const all = [
    checkRuntime(),
    ...checks,
    await attempt("quiet", async () => checkQuiet(config, hub)),
    checkMemory(),
    await checkDisk(config),
    await checkClock(),
    ...(await checkReach(config, facts)),
  ];
  return { checks: all, costs };
}

function show(
  { name, status, detail, fix }: Check,
  { line, columns }: Terminal,
  costs: RoundCosts | null,
): void {
  line(wrapped(`${MARKS[status]}  ${name.padEnd(9)}  `, detail, columns));
  if (name === "bytes" && costs !== null) {
    for (const row of costTable(costs)) line(`      ${" ".repeat(9)}  ${row}`);
  }
  if (fix !== "") line(wrapped(`      ${" ".repeat(9)}  -> `, fix, columns));
}
