import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Matrix } from "../../testnet/matrix/index.ts";
import { writeDemoData } from "../../testnet/texts/demo-data.ts";
import { runCommand, runJson } from "../support/command-line.ts";

const folder = mkdtempSync(join(tmpdir(), "klatch-matrix-"));
const report = join(folder, "report");

beforeAll(() => writeDemoData(folder, { seed: 7, rowsPerOrganisation: 40, testRows: 16 }));
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

const args = [
  ...["testnet", "matrix", "--data", join(folder, "train"), "--test", join(folder, "test.jsonl")],
  ...["--peers", "4", "--rounds", "3", "--steps", "2", "--splits", "by-file", "--attackers", "1"],
  ...["--rules", "mean,check-twins", "--report", report],
];
const attacked = [...args, "--attacks", "full-scale-sign,scaled", "--simulate"];
/** Real training of four members, five times. */
const LONG_MS = 600_000;

describe("klatch testnet matrix", () => {
  test("plain averaging loses its gain to a vector of signs, the default keeps it", {
    timeout: LONG_MS,
  }, async () => {
    const made = await runJson<Matrix>(attacked);

    const { cells } = made;
    const named = new Map(cells.map((cell) => [`${cell.attack} ${cell.rule}`, cell]));
    expect(named.get("full-scale-sign mean")?.retainedGain).toBeLessThan(0);
    expect(named.get("full-scale-sign check-twins")?.retainedGain).toBeGreaterThan(0.5);
    for (const { mode, split, seed, codec, clean, localOnly, falselyIsolated } of cells) {
      expect([mode, split, seed, codec]).toEqual(["agreed", "by-file", 1, "int8"]);
      expect(clean).toBeLessThan(localOnly ?? 0);
      expect(falselyIsolated).toEqual([]);
    }
    // ten times the honest length is unsound as soon as a norm has counted; four times is not
    expect(cells.map(({ attack, evicted }) => [attack, evicted])).toEqual([
      ["full-scale-sign", []],
      ["full-scale-sign", []],
      ["scaled", [3]],
      ["scaled", [3]],
    ]);
    expect(readFileSync(join(report, "matrix.md"), "utf8")).toContain("| full-scale-sign |");
    expect(readFileSync(join(report, "matrix.png")).subarray(1, 4).toString()).toBe("PNG");
    // the clean one, three trained alone, and two attacks by two rules
    expect(readdirSync(join(report, "cells"))).toHaveLength(1 + 3 + 2 * 2);
    // processor time among it: nothing was run again
    expect(await runJson(attacked)).toEqual(made);
  });

  test("one liar in the ballots of four takes nobody's share, and its cell is one of its own", {
    timeout: LONG_MS,
  }, async () => {
    const before = readdirSync(join(report, "cells"));
    const lying = [
      "--attacks",
      "full-scale-sign",
      "--rules",
      "check-twins",
      "--lies",
      "--simulate",
    ];
    const { cells } = await runJson<Matrix>([...args, ...lying]);

    expect(cells.map(({ lies, falselyIsolated }) => [lies, falselyIsolated])).toEqual([[true, []]]);
    expect(cells[0]?.retainedGain).toBeGreaterThan(0.5);
    expect(cells[0]?.refused).toBeNull();
    expect(readdirSync(join(report, "cells"))).toHaveLength(before.length + 1);
    expect(readFileSync(join(report, "matrix.md"), "utf8")).toContain("that lie in ballots");
  });

  test("canaries of honest peers are asked after each run", { timeout: LONG_MS }, async () => {
    const harmful = ["--attacks", "none,harmful-pairs", "--rules", "mean", "--canaries", "20"];
    const { cells } = await runJson<Matrix>([...args, ...harmful, "--simulate"]);

    for (const { refused, refusedClean } of cells) {
      expect(refused).toBeGreaterThanOrEqual(0);
      expect(refusedClean).toBeGreaterThanOrEqual(0);
    }
    expect(cells[0]?.refused).toBe(cells[0]?.refusedClean);
    expect(readFileSync(join(report, "matrix.md"), "utf8")).toContain(
      "Canaries refused, harmful-p",
    );
  });

  test.each([
    [["--attacks", "late", "--simulate"], "--attacks late needs a network"],
    [["--modes", "agreed,gossip", "--simulate"], "mode gossip is not run without its network"],
    [["--attacks", "alie"], "add --simulate"],
    [["--attacks", "allie", "--simulate"], "--attacks"],
  ])("refuses %j in a line", async (more, said) => {
    const { code, stderr } = await runCommand([...args, ...more]);

    expect(code).toBe(2);
    expect(stderr).toContain(said);
  });
});
