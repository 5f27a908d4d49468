import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../../../src/node/config/load.ts";
import { createStatusServer } from "../../../../src/node/http/status-server.ts";
import { PastRuns } from "../../../../src/node/past/past-runs.ts";
import { createMetrics } from "../../../../src/node/peer/metrics.ts";
import type { NodeStatus, RoundRecord, RunRecord } from "../../../../src/node/records/records.ts";
import { toldRecord } from "../../../../src/node/records/told.ts";
import { openStore } from "../../../../src/node/store/store.ts";
import { runCommand, runJson } from "../../../support/command-line.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import {
  OTHER_RUN,
  PEERS,
  RUN,
  sampleCheckpoint,
  sampleRound,
  sampleSource,
  sampleStatus,
} from "../node-samples.ts";

function sampleRecord(savedAt: number, change: Partial<NodeStatus> = {}): RunRecord {
  const settings = { model: "/models/small", run: { name: "triage" }, data: { train: [] } };
  return { savedAt, classes: null, settings, status: sampleStatus(change) };
}

/** A folder whose node did `rounds` rounds of each run, and stopped. */
function folderOf(runs: Readonly<Record<string, number>>, withRecords = true): string {
  const folder = temporaryFolder();
  const store = openStore(folder);
  for (const [index, [run, rounds]] of Object.entries(runs).entries()) {
    for (let round = 0; round < rounds; round++) {
      store.commitRound(sampleCheckpoint(round + 1, run), sampleRound(round));
    }
    if (withRecords) store.saveRun(run, sampleRecord(1e15 + index, { run }));
  }
  store.close();
  return folder;
}

function open(folder: string): { readonly runs: PastRuns; readonly warnings: string[] } {
  const warnings: string[] = [];
  const runs = new PastRuns(folder, (sentence) => warnings.push(sentence));
  onTestFinished(() => runs.close());
  return { runs, warnings };
}

/** An endpoint that answers for a folder, as a node would. */
async function serve(dataDir: string, status: NodeStatus): Promise<void> {
  const { status: section } = loadConfig({ cwd: dataDir, flags: { "status.port": "0" } });
  const source = sampleSource({ status: () => status });
  const server = createStatusServer(section, { source, metrics: createMetrics(), dataDir });
  await server.start(new AbortController().signal);
  onTestFinished(() => server.stop());
}

describe("the runs of a folder", () => {
  test("are known with what was kept of them, the last first", () => {
    const { runs } = open(folderOf({ [OTHER_RUN]: 2, [RUN]: 4 }));

    expect(runs.ids()).toEqual([RUN, OTHER_RUN]);
    expect(runs.checkpoints(RUN).map(({ number }) => number)).toEqual([4, 3, 2]);
    expect(runs.checkpoint(RUN, 3)).toEqual(sampleCheckpoint(3));
    expect(runs.checkpoint(RUN, 1)).toBeNull();
    expect(runs.rounds(OTHER_RUN)).toHaveLength(2);
    expect(runs.record(RUN)?.settings.run.name).toBe("triage");
  });

  test("are found by the beginning of their id, one at a time", () => {
    const { runs } = open(folderOf({ [RUN]: 1, [OTHER_RUN]: 1 }));

    expect(runs.find("AAA")).toBe(RUN);
    expect(() => runs.find("c")).toThrow("no run of");
    expect(() => runs.find("")).toThrow("2 runs of");
  });

  test("are read without a change", () => {
    const folder = folderOf({ [RUN]: 1 });
    const before = readdirSync(folder);

    open(folder).runs.rounds(RUN);

    expect(readdirSync(folder)).toEqual(before);
  });

  test("are read beside the node that has the folder", () => {
    const folder = temporaryFolder();
    const store = openStore(folder);
    onTestFinished(() => store.close());
    store.commitRound(sampleCheckpoint(1), sampleRound(0));

    expect(open(folder).runs.rounds(RUN)).toEqual([sampleRound(0)]);
  });

  test("are told of as far as they are intact", () => {
    const folder = folderOf({ [RUN]: 1 });
    const path = (name: string) => join(folder, name);
    writeFileSync(path(`runs/${RUN}/run.json`), '{"savedAt":');
    writeFileSync(path("ledger.sqlite"), "this is no database, but long enough".repeat(100));
    const { runs, warnings } = open(folder);

    expect(runs.ids()).toEqual([RUN]);
    expect(runs.record(RUN)).toBeNull();
    expect(runs.rounds(RUN)).toEqual([]);
    expect(warnings.some((each) => each.includes("run.json is damaged"))).toBe(true);
    expect(warnings.some((each) => each.includes("ledger.sqlite cannot be read"))).toBe(true);
  });

  test("are none where nothing is, or something else", () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "runs", "not-a-run"), { recursive: true });

    expect(open(folder).runs.ids()).toEqual([]);
    expect(open(join(folder, "nowhere")).runs.ids()).toEqual([]);
  });
});

describe("klatch runs", () => {
  test("lists runs and their checkpoints, for people and for programs", async () => {
    const folder = folderOf({ [OTHER_RUN]: 2, [RUN]: 4 });

    const list = await runJson<Record<string, unknown>[]>(["runs", "--data-dir", folder]);
    const { stdout } = await runCommand(["runs", "--data-dir", folder]);

    expect(list[0]).toMatchObject({
      run: RUN,
      name: "triage",
      state: "stopped",
      rounds: 10,
      roundsDone: 4,
      mixedRounds: 4,
      soloRounds: 0,
      checkpoints: [{ round: 4 }, { round: 3 }, { round: 2 }],
    });
    expect(list.map(({ run }) => run)).toEqual([RUN, OTHER_RUN]);
    expect(stdout).toMatch(/^aaaaaaaaaaaa +triage +stopped +4 of 10 .* 4 3 2$/m);
  });

  test("shows which one a node works on now", async () => {
    const folder = folderOf({ [OTHER_RUN]: 2, [RUN]: 4 });
    await serve(folder, sampleStatus({ run: OTHER_RUN }));

    const list = await runJson<{ run: string; state: string }[]>(["runs", "--data-dir", folder]);

    const states = Object.fromEntries(list.map(({ run, state }) => [run, state]));
    expect(states).toEqual({ [RUN]: "stopped", [OTHER_RUN]: "running" });
  });

  test("knows runs of versions that wrote none down by their rounds", async () => {
    const folder = folderOf({ [RUN]: 2 }, false);

    const list = await runJson<object[]>(["runs", "--data-dir", folder]);

    expect(list).toEqual([expect.objectContaining({ run: RUN, name: null, roundsDone: 2 })]);
    expect((await runJson<RoundRecord[]>(["rounds", "--data-dir", folder])).length).toBe(2);
    const { code, stderr } = await runCommand(["status", "--data-dir", folder]);
    expect(code).toBe(3);
    expect(stderr).toContain("does not say what run");
  });

  test("says that there is none", async () => {
    const folder = temporaryFolder();

    expect((await runCommand(["runs", "--data-dir", folder])).stdout).toContain("holds no run");
    expect(await runJson(["runs", "--data-dir", folder])).toEqual([]);
  });
});

describe("a node that does not run", () => {
  test("is told of from its folder, and a note says so", async () => {
    const folder = folderOf({ [OTHER_RUN]: 2, [RUN]: 4 });
    const at = ["--data-dir", folder];

    const status = await runJson<NodeStatus>(["status", ...at]);
    const shown = await runCommand(["status", ...at]);

    expect(status).toMatchObject({ run: RUN, state: "stopped", round: 5, roundsDone: 4 });
    expect(status.peers.map(({ peer, connected }) => ({ peer, connected }))).toEqual([
      { peer: PEERS[1], connected: false },
    ]);
    expect(status.trainLoss).toBe(sampleRound(3).trainLoss);
    expect(shown.stdout).toMatch(/^state +stopped, 4 of 10 rounds done$/m);
    expect(shown.stderr).toContain("no node answers here");
    expect(await runJson(["rounds", ...at, "--limit", "2"])).toEqual(
      [2, 3].map(sampleRound).map(toldRecord),
    );
    expect(await runJson(["peers", ...at])).toEqual(status.peers);
    expect(await runJson(["rounds", ...at, "--run", "bbb"])).toEqual(
      [0, 1].map(sampleRound).map(toldRecord),
    );
  });

  test("has its rounds as CSV too", async () => {
    const at = ["--data-dir", folderOf({ [RUN]: 2 })];
    const { stdout } = await runCommand(["rounds", ...at, "--csv"]);

    expect(stdout.trimEnd().split("\n")).toEqual([
      "round,started,ended,train_loss,held_out_loss,announced,mixed,refused,bytes_sent,bytes_received",
      "1,1970-01-01T00:00:00.000Z,1970-01-01T00:00:00.500Z,2,,1,1,0,10,20",
      "2,1970-01-01T00:00:01.000Z,1970-01-01T00:00:01.500Z,1,,1,1,0,10,20",
    ]);
  });

  test("and as an event file of TensorBoard, one however often it is asked for", async () => {
    const at = ["--data-dir", folderOf({ [RUN]: 2 })];
    const folder = join(temporaryFolder(), "curves");
    for (const limit of ["1", "2"]) {
      await runJson(["rounds", ...at, "--limit", limit, "--tensorboard", folder]);
    }

    const names = readdirSync(folder);
    expect(names).toEqual(["events.out.tfevents.0.klatch"]);
    const text = readFileSync(join(folder, String(names[0])), "latin1");
    expect(text.match(/loss\/training/g)).toHaveLength(2);
    expect(text).not.toContain("agreed/view");
  });

  test("is not taken for another that has its port since it was killed", async () => {
    const [folder, other] = [folderOf({ [RUN]: 4 }), temporaryFolder()];
    await serve(other, sampleStatus({ peerId: PEERS[1] }));
    const left = join(folder, "status.json");
    writeFileSync(left, JSON.stringify({ url: await urlIn(other), pid: 1 }));

    expect(await runJson(["status", "--data-dir", folder])).toMatchObject({ state: "stopped" });

    // The control: the node itself answers there.
    rmSync(left);
    await serve(folder, sampleStatus());
    expect(await runJson(["status", "--data-dir", folder])).toMatchObject({ state: "running" });
  });

  test("and never did is one that does not answer", async () => {
    const at = ["--data-dir", temporaryFolder(), "--status-port", "9"];

    expect((await runCommand(["status", ...at])).code).toBe(5);
    expect((await runCommand(["rounds", ...at])).code).toBe(5);
  });
});

async function urlIn(folder: string): Promise<string> {
  const { writtenUrl } = await import("../../../../src/node/http/status-client.ts");
  return writtenUrl(folder) ?? "";
}
