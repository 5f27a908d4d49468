import { describe, expect, test } from "vitest";
import { showTheory } from "../../../../src/node/commands/sim-theory.ts";
import { roundsTo } from "../../../../testnet/theory/choco.ts";
import { planOf } from "../../../../testnet/theory/graphs.ts";
import { row, type TheoryTable } from "../../../../testnet/theory/rows.ts";
import { runCommand, runJson } from "../../../support/command-line.ts";

describe("klatch sim theory", () => {
  test.each([
    ["gaps", 12],
    ["one-peer", 9],
    ["base", 24],
    ["epidemic", 12],
  ])("finds the numbers of %s", async (name, rows) => {
    const { holds, tables } = await runJson<{ holds: boolean; tables: readonly TheoryTable[] }>([
      ...["sim", "theory", "--only", name],
    ]);

    expect(tables.flatMap((table) => table.rows.filter((each) => !each.holds))).toEqual([]);
    expect(holds).toBe(true);
    expect(tables[0]?.rows).toHaveLength(rows);
  });

  test("prints computed beside expected, and refuses a table that it does not have", async () => {
    const { code, stdout } = await runCommand(["sim", "theory", "--only", "base"]);

    expect(code).toBe(0);
    expect(stdout).toMatch(/base:2, n 100 +11 +11\n/);
    expect((await runCommand(["sim", "theory", "--only", "all"])).code).toBe(2);
  });

  test("says which number differs, and ends with exit code 1 (control)", () => {
    const lines: string[] = [];
    const failures: number[] = [];
    const terminal = {
      columns: null,
      line: (text: string) => void lines.push(text),
      json: () => undefined,
      overwrite: () => undefined,
      note: () => undefined,
      fail: (code: number) => void failures.push(code),
    };
    const table = (computed: number) => [
      { name: "made up", source: "nowhere", rows: [row("a number", 0.5, computed, 0.01)] },
    ];

    showTheory(table(0.505), false, terminal);
    expect(failures).toEqual([]);
    showTheory(table(0.52), false, terminal);
    expect(failures).toEqual([1]);
    expect(lines.filter((line) => line.includes("differs"))).toHaveLength(1);
    showTheory(table(Number.NaN), true, terminal);
    expect(failures).toEqual([1, 1]);
  });
});

test("CHOCO-Gossip takes its rounds on a ring, and diverges where its step is too large", () => {
  const ring = planOf("ring", 25).at(0);
  const exact = () => undefined;
  const [first = 0, second = 0] = roundsTo([1e-2, 1e-4], ring, exact, 1);

  expect(Math.abs(first - 51)).toBeLessThanOrEqual(2);
  // the slowest mode alone is left: the slope is that of the spectral gap
  expect(Math.abs(second - first - 109)).toBeLessThanOrEqual(2);
  expect(roundsTo([1e-2], ring, exact, 3)).toEqual([]);
});
