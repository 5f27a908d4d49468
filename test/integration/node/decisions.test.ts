import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { PastRuns } from "../../../src/node/past/past-runs.ts";
import type { PeerPorts } from "../../../src/node/peer/ports.ts";
import { verifyFolder } from "../../../src/node/proof/verify-folder.ts";
import type { TrainRequest } from "../../../src/training/index.ts";
import { runCommand, runJson } from "../../support/command-line.ts";
import { type QuickNode, startQuickNodes } from "../../support/quick-nodes.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const TIMING = {
  ...{ lingerMs: 1000, commitGraceMs: 1000, fetchGraceMs: 1000, openDelayMs: 100 },
  ...{ viewMs: 2000, repeatMs: 300 },
};
const FROM = 13;
const DECIDED = { rounds: 15, steps: 30 };

const member = <T>({ dataDir }: QuickNode, ...words: readonly string[]): Promise<T> =>
  runJson<T>(["member", ...words, "--data-dir", dataDir]);

/** What is on disk of a run that has ended. */
function endOf({ dataDir }: QuickNode) {
  const runs = new PastRuns(dataDir, () => undefined);
  try {
    const [run = ""] = runs.ids();
    return {
      decided: runs.rounds(run).flatMap(({ agreed }) => agreed?.decided ?? []),
      blocks: runs.chain(run).length,
      adapter: runs.checkpoint(run, null)?.adapter,
    };
  } finally {
    runs.close();
  }
}

test("rounds and steps that members decide hold for all, whatever each was configured with", async () => {
  const trained: TrainRequest[] = [];
  const watched = (ports: PeerPorts): PeerPorts => {
    const train: PeerPorts["learner"]["train"] = (request, signal) => {
      trained.push(request);
      return ports.learner.train(request, signal);
    };
    return { ...ports, learner: { ...ports.learner, train } };
  };
  const nodes = await startQuickNodes({
    // one of them would end with round 10
    ...{ peers: 4, rounds: 40, roundsOf: { 2: 10 }, trainMs: 150, timing: TIMING },
    terms: { mode: "agreed", attackersMax: "auto", steps: 20, checkpointSteps: 0 },
    disguises: { 0: watched },
  });
  const [first, second, third, fourth] = nodes as [QuickNode, QuickNode, QuickNode, QuickNode];
  await vi.waitFor(() => expect(first.node.status().round).toBeGreaterThan(0), { timeout: 60_000 });

  const file = join(temporaryFolder(), "decision.json");
  const words = ["--rounds", `${DECIDED.rounds}`, "--steps", `${DECIDED.steps}`];
  const told = await member(first, "propose", "set", ...words, "--from", `${FROM}`, "--out", file);
  expect(told).toMatchObject({ kind: "set", needs: 3, decided: { ...DECIDED, from: FROM } });
  for (const each of [first, second, third]) await member(each, "sign", file);
  for (const each of [first, second]) await member(each, "submit", file);

  await vi.waitFor(() => expect(fourth.node.status().rounds).toBe(DECIDED.rounds), {
    timeout: 60_000,
  });
  expect(third.node.status().round).toBeLessThan(10);
  await fourth.node.stop();
  const back = await fourth.again();
  expect(back.node.status()).toMatchObject({
    ...{ rounds: DECIDED.rounds, agreed: { decided: { ...DECIDED, from: FROM - 1 } } },
  });

  const all = nodes.with(3, back);
  await Promise.all(all.map(({ node }) => node.finished));
  const ends = all.map(endOf);
  for (const end of ends) {
    expect(end).toMatchObject({ blocks: DECIDED.rounds, adapter: ends[0]?.adapter });
    expect(end.decided.length).toBeLessThanOrEqual(1);
  }
  const stepsOf = (from: number, below: number) =>
    new Set(trained.flatMap(({ round, steps }) => (round >= from && round < below ? [steps] : [])));
  const last = trained.find(({ round }) => round === DECIDED.rounds - 1);
  expect(last?.totalSteps).toBe((last?.optimizer.step ?? 0) + DECIDED.steps);
  expect(stepsOf(0, FROM - 1)).toEqual(new Set([20]));
  expect(stepsOf(FROM - 1, DECIDED.rounds)).toEqual(new Set([DECIDED.steps]));
  expect(ends[0]?.decided).toEqual([{ ...DECIDED, from: FROM - 1 }]);

  const again = await runCommand(["member", "submit", file, "--data-dir", first.dataDir]);
  expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/made already/)]);
  const verified = await verifyFolder(first.dataDir, { run: null, head: null });
  expect(verified).toMatchObject({ valid: true, rounds: DECIDED.rounds, problems: [] });
  expect(verified.byRound.flatMap(({ decided }) => decided ?? [])).toEqual([
    { ...DECIDED, from: FROM },
  ]);
}, 180_000);
