import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundledModel } from "../../src/node/folders/package-folder.ts";
import { type BytesToLossRun, bytesAt } from "../../testnet/federation/bytes-to-loss.ts";
import { writeDemoData } from "../../testnet/texts/demo-data.ts";
import { runCommand, runJson } from "../support/command-line.ts";

const folder = mkdtempSync(join(tmpdir(), "klatch-bytes-"));

beforeAll(() => writeDemoData(folder, { seed: 7, rowsPerOrganisation: 40, testRows: 16 }));
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

const args = () => [
  ...["bench", "bytes-to-loss", "--model", bundledModel(), "--data", join(folder, "train")],
  ...["--test", join(folder, "test.jsonl"), "--peers", "4", "--rounds", "3", "--steps", "2"],
];

describe("klatch bench bytes-to-loss", () => {
  test("tells loss and bytes of every round, by codec and momentum, and draws them", async () => {
    const picture = join(folder, "curves.png");
    const { runs } = await runJson<{ runs: readonly BytesToLossRun[] }>([
      ...args(),
      ...["--codecs", "float32,sign", "--outer-momenta", "0,0.6", "--picture", picture],
    ]);

    expect(runs.map(({ codec, outer }) => [codec, outer])).toEqual([
      ["float32", 0],
      ["float32", 0.6],
      ["sign", 0],
      ["sign", 0.6],
    ]);
    for (const { mode, rounds, bytesPerPeer, loss } of runs) {
      expect([mode, rounds]).toEqual(["agreed", [1, 2, 3]]);
      expect(bytesPerPeer.map((sent) => sent / (bytesPerPeer[0] ?? 0))).toEqual([1, 2, 3]);
      expect(loss.at(-1)).toBeLessThan(loss[0] ?? 0);
    }
    const [dense, , signs] = runs.map(({ bytesPerPeer }) => bytesPerPeer[0] ?? 0);
    expect((dense ?? 0) / (signs ?? 1)).toBeGreaterThan(28);
    // the first round has no momentum yet, but Nesterov's look ahead: another step (control: the seed is the same)
    expect(runs[0]?.loss[0]).not.toBe(runs[1]?.loss[0]);
    expect(readFileSync(picture).subarray(1, 4).toString()).toBe("PNG");
  });

  test("with a warm-up sends int8 first, and with less feedback ends elsewhere", async () => {
    const bench = async (...more: string[]) => {
      const command = [...args(), "--codecs", "sign", "--outer-momenta", "0", ...more];
      const { runs } = await runJson<{ runs: readonly BytesToLossRun[] }>(command);
      return runs[0] as BytesToLossRun;
    };
    const [plain, warm] = [await bench(), await bench("--warm-up", "1", "--feedback", "0.5")];

    const [first = 0, second = 0] = warm.bytesPerPeer;
    expect(first / (plain.bytesPerPeer[0] ?? 1)).toBeGreaterThan(7);
    expect(second - first).toBe(plain.bytesPerPeer[0]);
    expect([plain, warm].map(({ warmUp, feedback }) => [warmUp, feedback])).toEqual([
      [0, 1],
      [1, 0.5],
    ]);
    expect(warm.loss).not.toEqual(plain.loss);
  });

  test("lets members have ranks in turn, who send fewer bytes", async () => {
    const command = [...args(), "--codecs", "float32", "--outer-momenta", "0", "--ranks", "4,2/4"];
    const { runs } = await runJson<{ runs: readonly BytesToLossRun[] }>(command);

    expect(runs.map(({ rank, ranks }) => [rank, ranks])).toEqual([
      [4, undefined],
      [4, [2, 4]],
    ]);
    const [all = 0, some = 0] = runs.map(({ bytesPerPeer }) => bytesPerPeer[0]);
    expect(some / all).toBeCloseTo(3 / 4, 2);
    for (const { loss } of runs) expect(loss.at(-1)).toBeLessThan(loss[0] ?? 0);
    // control
    expect(runs[1]?.loss).not.toEqual(runs[0]?.loss);
  });

  test("gives the same numbers again", async () => {
    const one = [...args(), "--codecs", "sign", "--outer-momenta", "0.6"];
    expect(await runJson(one)).toEqual(await runJson(one));
  });

  test("does so in mode gossip, and refuses what that has not before it begins", async () => {
    const gossip = (...more: string[]) => [...args(), "--mode", "gossip", ...more];
    const momenta = ["--codecs", "int8", "--outer-momenta", "0,0.6"];
    const { runs } = await runJson<{ runs: readonly BytesToLossRun[] }>(gossip(...momenta));

    expect(runs.map(({ mode, outer }) => [mode, outer])).toEqual([
      ["gossip", 0],
      ["gossip", 0.6],
    ]);
    const [plain, moved] = runs;
    for (const { bytesPerPeer, loss } of runs) {
      expect(bytesPerPeer.map((sent) => sent / (bytesPerPeer[0] ?? 0))).toEqual([1, 2, 3]);
      expect(loss.at(-1)).toBeLessThan(loss[0] ?? 0);
    }
    expect(moved?.bytesPerPeer).toEqual(plain?.bytesPerPeer);
    expect(moved?.loss).not.toEqual(plain?.loss);
    for (const [more, words] of [
      [["--codecs", "int8,sign", "--outer-momenta", "0.6"], "momentum drives peers apart"],
      [["--codecs", "int8", "--ranks", "2/4"], "mode gossip has one rank for all"],
    ] as const) {
      const refused = await runCommand(gossip(...more));
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain(words);
    }
  });
});

test("bytes to a loss lie between the rounds before and after it", () => {
  const run = { bytesPerPeer: [100, 200, 300], loss: [3, 2, 1] } as unknown as BytesToLossRun;

  expect(bytesAt(run, 1.5)).toBe(250);
  expect(bytesAt(run, 5)).toBe(100);
  expect(bytesAt(run, 0.5)).toBeNull();
});
