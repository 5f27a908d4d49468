import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../../src/node/config/load.ts";
import { createStatusServer } from "../../../../src/node/http/status-server.ts";
import { heartbeat } from "../../../../src/node/peer/heartbeat.ts";
import { createMetrics } from "../../../../src/node/peer/metrics.ts";
import { heardStatus, toldStatus } from "../../../../src/node/records/told.ts";
import { runCommand, runJson } from "../../../support/command-line.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { sampleRound, sampleSource, sampleStatus } from "../node-samples.ts";

describe("rounds as they are told", () => {
  test("count from 1, and say how many are over", () => {
    expect(toldStatus(sampleStatus({ round: 0 }))).toMatchObject({ round: 1, roundsDone: 0 });
    expect(toldStatus(sampleStatus({ round: 9 }))).toMatchObject({ round: 10, roundsDone: 9 });
    // Of ten rounds there is no eleventh.
    expect(toldStatus(sampleStatus({ round: 10 }))).toMatchObject({ round: 10, roundsDone: 10 });
  });

  test("come back as they were", () => {
    for (const round of [0, 3, 10]) {
      expect(heardStatus(toldStatus(sampleStatus({ round })))).toEqual(sampleStatus({ round }));
    }
  });

  test("have one number everywhere: table, JSON, metrics, heartbeat", async () => {
    const dataDir = temporaryFolder();
    const { status: section } = loadConfig({ cwd: dataDir, flags: { "status.port": "0" } });
    // Two rounds are over: the third is under way.
    const status = sampleStatus({ round: 2 });
    const source = sampleSource({
      status: () => status,
      rounds: () => [0, 1].map(sampleRound),
    });
    const server = createStatusServer(section, { source, metrics: createMetrics(), dataDir });
    await server.start(new AbortController().signal);
    const at = ["--url", server.url ?? ""];

    const rounds = await runJson<{ round: number }[]>(["rounds", ...at]);
    const table = (await runCommand(["rounds", ...at])).stdout;
    const told = await runJson<{ round: number; peers: { round: number }[] }>(["status", ...at]);
    const shown = (await runCommand(["status", ...at])).stdout;
    const peers = (await runCommand(["peers", ...at])).stdout;
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    await server.stop();

    expect(rounds.map(({ round }) => round)).toEqual([1, 2]);
    expect(table.match(/^ +\d+/gm)?.map(Number)).toEqual([1, 2]);
    expect([told.round, told.peers[0]?.round]).toEqual([3, 2]);
    // Two rounds took 1.5 s together, and eight are left.
    expect(shown).toContain("round 3 of 10, commit, about 6 s left");
    expect(peers).toMatch(/ 2 +3 /);
    expect(metrics).toContain("klatch_consensus_round 3\n");
    expect(heartbeat(status, 0)).toMatchObject({ round: "3/10" });
  });
});
