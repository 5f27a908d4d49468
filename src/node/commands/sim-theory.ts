import { type Command, Option } from "commander";
import { table } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";
import { loadTestnetModule } from "./testnet-door.ts";

type Theory = typeof import("../../../testnet/theory/theory.ts");
type Table = ReturnType<Theory["theory"]>[number];
type Name = keyof Theory["THEORY"];

const NAMES: readonly Name[] = ["gaps", "one-peer", "base", "epidemic", "choco"];

/** `klatch sim theory`: numbers of theory, beside what the code of graphs and codecs makes of them. */
export function defineTheory(command: Command, terminal: Terminal): void {
  command
    .command("theory")
    .description(
      "what theory says of topologies and codecs, computed anew; exit code 1 if it differs",
    )
    .addOption(new Option("--only <name>", "one of the tables").choices(NAMES))
    .option("--json", "print one JSON document")
    .action(async ({ only, json }: { readonly only?: Name; readonly json?: boolean }) => {
      const { theory } = await loadTestnetModule<Theory>("theory/theory");
      showTheory(theory(only === undefined ? NAMES : [only]), json === true, terminal);
    });
}

/** Prints the tables; exit code 1 where a number differs by more than its tolerance. */
export function showTheory(tables: readonly Table[], asJson: boolean, terminal: Terminal): void {
  const holds = tables.every(({ rows }) => rows.every((row) => row.holds));
  if (asJson) terminal.json({ holds, tables });
  else for (const line of tables.flatMap(described)) terminal.line(line);
  if (!holds) terminal.fail(1);
}

// --- internal ---

function described({ name, source, rows }: Table): readonly string[] {
  const cells = rows.map(({ quantity, expected, computed, holds }) => [
    quantity,
    expected,
    rounded(computed),
    holds ? "" : "differs",
  ]);
  return [`${name} (${source})`, ...table(["", "expected", "computed", ""], cells), ""];
}

function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
