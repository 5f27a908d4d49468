import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import type { CreatedRun } from "../../../src/node/admission/create-run.ts";
import { ofSize } from "../../../src/node/admission/offer.ts";
import { priceRun, type RunPrice } from "../../../src/node/admission/price-run.ts";
import { priceOf } from "../../../src/node/budget/price.ts";
import { hubOptions } from "../../../src/node/config/hub-options.ts";
import { loadConfig, newConfig } from "../../../src/node/config/load.ts";
import { runCommand, runJson } from "../../support/command-line.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

function rowsIn(folder: string): string {
  const file = join(folder, "rows.jsonl");
  const rows = Array.from({ length: 24 }, (_, row) => JSON.stringify({ text: `river ${row}` }));
  writeFileSync(file, rows.join("\n"));
  return file;
}

const creating = (folder: string, ...more: readonly string[]) => [
  ...["run", "create", join(folder, "org"), "--name", "waters", "--data", rowsIn(folder)],
  ...["--address", "/ip4/203.0.113.7/tcp/7117", "--status-port", "0", "--run-batch-size", "2"],
  ...["--network-listen", "/ip4/127.0.0.1/tcp/0", "--run-rounds", "7", "--run-steps", "3", ...more],
];

test("a run is priced by a real step, and its file says so", async () => {
  const folder = temporaryFolder();
  const created = await runJson<CreatedRun & { price: RunPrice }>(
    creating(folder, "--seats", "7", "--network-link", "1Mbit"),
  );

  const { bytes, seconds, memory, certifiedAttackers, unknown } = created.price;
  expect([certifiedAttackers, unknown]).toEqual([2, []]);
  expect(seconds?.round).toBeCloseTo(3 * (seconds?.step ?? 0));
  expect(seconds?.step).toBeGreaterThan(0);
  expect(memory?.total).toBeGreaterThan(2 ** 20);
  // six others, each sent one payload of the bundled model's adapter
  const text = readFileSync(created.config, "utf8");
  const config = loadConfig({ file: created.config });
  const { sent, received } = priceOf(ofSize(config.run, 7), "int8", 74_752);
  expect(bytes).toEqual({ sent, received });
  expect(seconds?.link).toBeCloseTo((8 * Math.max(sent, received)) / 1e6);
  expect(text).toMatch(/^# What it asks of a member, by a trial here \(20/m);
  expect(text).toMatch(/^# bytes +about .* in 7 rounds$/m);
  expect(text).toMatch(/^# attackers +certified for 2 of 7 members$/m);
}, 60_000);

test("without a trial nothing is said, and nobody is asked where nobody sits", async () => {
  const folder = temporaryFolder();
  const { price, config } = await runJson<CreatedRun & { price: null }>(
    creating(folder, "--seats", "4", "--no-trial"),
  );

  expect(price).toBeNull();
  expect(readFileSync(config, "utf8")).not.toContain("a trial here");
  const { code, stderr } = await runCommand(["run", "create", join(folder, "other")]);
  expect([code, stderr]).toEqual([2, expect.stringContaining("--seats is missing")]);
});

test("a screen shows a QR code below each ticket, unless it is too narrow or told not to", async () => {
  const shown = async (columns: number, ...more: readonly string[]) => {
    const words = creating(temporaryFolder(), "--seats", "3", "--no-trial", ...more);
    const { stdout } = await runCommand(words, columns);
    // the light border, above and below
    return stdout.split("\n").filter((line) => /^ +$/.test(stripVTControlCharacters(line))).length;
  };

  expect(await shown(100)).toBe(2 * 2);
  expect(await shown(40)).toBe(0);
  expect(await shown(100, "--no-qr")).toBe(0);
});

test("a model that is not here is not fetched, and what it would cost is not known", async () => {
  const folder = temporaryFolder();
  const config = newConfig({ model: "someone/away", cache: folder }, folder);
  const price = await priceRun(
    { ...config, run: ofSize(config.run, 3) },
    hubOptions(folder, {}, {}),
  );

  expect(price).toMatchObject({ bytes: null, seconds: null, memory: null, certifiedAttackers: 0 });
  expect(price.unknown).toEqual([expect.stringContaining("someone/away is not here yet")]);
});
