import { expect, test } from "vitest";
import type { SimulationReport } from "../../testnet/simulation/run.ts";
import { runCommand, runJson } from "../support/command-line.ts";

const SMALL = ["sim", "run", "--peers", "10", "--rounds", "8", "--seed", "3"];
const LIARS = ["--attack", "sign-flip", "--attackers", "2"];

const report = (...more: string[]) => runJson<SimulationReport>([...SMALL, ...more]);

test("klatch sim run tells what came of it, and the same again for the same seed", async () => {
  const first = await report();

  expect(Object.keys(first)).toEqual(
    expect.arrayContaining(["rounds", "loss", "bytesPerPeer", "seconds", "digest", "peakRssBytes"]),
  );
  expect(first).toMatchObject({ rounds: 8, peers: 10, attackers: 0 });
  expect((await report()).digest).toBe(first.digest);
  expect((await report("--seed", "4")).digest).not.toBe(first.digest);
});

test("two of ten liars hardly move the loss, and ruin it under plain mean (control)", async () => {
  const honest = await report();
  const robust = await report(...LIARS);
  const mean = await report(...LIARS, "--rule", "mean");

  expect(robust.loss).toBeLessThan(1.1 * honest.loss);
  expect(mean.loss).toBeGreaterThan(2 * honest.loss);
});

test("messages that are lost and peers that come and go change the history, and the rounds to a loss are told", async () => {
  const short = ["--peers", "5", "--mode", "agreed", "--codec", "sign", "--until-loss", "0.3"];
  const [calm, lossy] = [
    await report(...short),
    await report(...short, "--loss-rate", "0.3", "--churn", "0.25"),
  ];

  expect(lossy.lossByRound).toHaveLength(8);
  expect(lossy.digest).not.toBe(calm.digest);
  expect(lossy.virtualSeconds).toBeGreaterThan(calm.virtualSeconds);
  for (const { roundsUntil, lossByRound } of [calm, lossy]) {
    const first = lossByRound?.findIndex((loss) => loss <= 0.3) ?? -1;
    expect(roundsUntil).toBeGreaterThan(first);
    expect(roundsUntil).toBeLessThanOrEqual(first + 1);
  }
  expect((await report(...short, "--until-loss", "0.01")).roundsUntil).toBeNull();
});

test.each([
  [["--attack", "label-flip"], "attack on rows"],
  [["--attackers", "2"], "--attackers needs --attack"],
  [["--peers", "3", "--attack", "scaled", "--attackers", "3"], "no honest peer"],
  [["--topology", "star"], "--topology"],
  [["--driver", "step", "--churn", "0.25"], "--churn needs whole nodes"],
  [["--outer-momentum", "1"], "--outer-momentum"],
])("%j is refused with a sentence", async (flags, sentence) => {
  const { code, stderr } = await runCommand([...SMALL, ...flags]);

  expect(code).toBe(2);
  expect(stderr).toContain(sentence);
});
