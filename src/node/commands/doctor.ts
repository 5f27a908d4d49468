import type { Command } from "commander";
import { EXIT_CODES, KlatchError } from "../../errors.ts";
import { hubOptions } from "../config/hub-options.ts";
import { answer, type Check } from "../doctor/check.ts";
import { type Ground, survey } from "../doctor/ground.ts";
import { ROOMS } from "../doctor/rooms.ts";
import type { RoundCosts } from "../records/records.ts";
import { costTable } from "../view/cost-table.ts";
import { downloadView } from "../view/download-view.ts";
import type { Terminal } from "../view/terminal.ts";
import { wrapped } from "../view/wrapped.ts";
import { addConfigOptions, configOf } from "./config-options.ts";

const MARKS = { pass: "ok  ", warn: "warn", fail: "FAIL", unknown: "?   " } as const;

/** `klatch doctor`: will it work here; exit code 1 when any check fails. */
export function define(command: Command, terminal: Terminal): void {
  addConfigOptions(command);
  command
    .option("--json", "print one JSON document")
    .action(async ({ json }: { json?: boolean }) => {
      const given = configOf(command);
      const hub = hubOptions(given.cache, { report: downloadView(terminal) });
      const ground = await survey(given, hub, terminal.overwrite);
      terminal.overwrite("");
      const costs = costsOf(ground);
      const isPlain = json !== true;
      const checks = await lookAround(ground, terminal, {
        room: (title) => isPlain && terminal.line(title === ROOMS[0]?.title ? title : `\n${title}`),
        check: (check) => isPlain && show(check, terminal, costs),
      });
      if (isPlain) terminal.line(`\n${summary(checks)}`);
      else terminal.json({ checks, costs });
      if (checks.some(({ status }) => status === "fail")) terminal.fail(EXIT_CODES.internal);
    });
}

// --- internal ---

/** Characters of the longest name, `engines onnx:webgpu`. */
const NAME = 19;

/** Asks every check, and tells each room and each answer as it comes. */
async function lookAround(
  ground: Ground,
  { overwrite }: Terminal,
  told: { readonly room: (title: string) => void; readonly check: (check: Check) => void },
): Promise<readonly Check[]> {
  const all: Check[] = [];
  for (const { title, checks } of ROOMS) {
    told.room(title);
    for (const entry of checks) {
      overwrite(`looks at ${entry.name}`);
      const answers = await answer(entry, ground);
      overwrite("");
      all.push(...answers);
      answers.forEach(told.check);
    }
  }
  return all;
}

function costsOf({ learned: { costs } }: Ground): RoundCosts | null {
  return costs instanceof KlatchError ? null : costs;
}

function show(
  { name, status, detail, fix }: Check,
  { line, columns }: Terminal,
  costs: RoundCosts | null,
): void {
  line(wrapped(`  ${MARKS[status]}  ${name.padEnd(NAME)}  `, detail, columns));
  if (name === "bytes" && costs !== null) {
    for (const row of costTable(costs)) line(`  ${row}`);
  }
  if (fix !== "") line(wrapped(`        ${" ".repeat(NAME)}  -> `, fix, columns));
}

/** How many of each kind, and what that means. */
function summary(checks: readonly Check[]): string {
  const count = (wanted: Check["status"]) =>
    checks.filter(({ status }) => status === wanted).length;
  const counts = `${count("pass")} ok, ${count("warn")} warnings, ${count("fail")} failed, ${count("unknown")} unknown`;
  const named = checks.filter(({ status }) => status === "fail").map(({ name }) => name);
  return named.length === 0 ? counts : `${counts}: mend ${named.join(", ")} first`;
}
