import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { NodeStatus } from "../../src/node/records/records.ts";
import type { NodeReport } from "../../src/node/report/node-report.ts";
import { runCommand, runJson } from "../support/command-line.ts";
import { startCli } from "../support/klatch-cli.ts";
import { configure, makeSmallNode, type SmallNode } from "../support/small-node.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

interface Run {
  readonly run: string;
  readonly state: string;
  readonly checkpoints: readonly { readonly round: number }[];
}

async function runThrough(node: SmallNode): Promise<NodeStatus> {
  const process = startCli(["start", "--config", node.config, "--exit-when-finished", "--json"]);
  expect((await process.ended()).code, process.stderr).toBe(0);
  return (JSON.parse(process.stdout) as { status: NodeStatus }).status;
}

async function exported(...args: string[]) {
  const out = join(temporaryFolder(), "adapter");
  const result = await runJson<{ run: string; rounds: number }>(["export", ...args, "--out", out]);
  const read = (name: string) => JSON.parse(readFileSync(join(out, name), "utf8"));
  return { result, own: read("klatch.json"), peft: read("adapter_config.json"), out };
}

test("an older run and an older round are exported with the settings that they had", async () => {
  const node = await makeSmallNode("rivers");
  const terms = { members: [node], rounds: 4 };
  configure(node, terms);
  const first = await runThrough(node);
  configure(node, terms, { run: { ...RUN, rounds: 2, members: [node.peerId] } });
  const second = await runThrough(node);
  expect(second.run).not.toBe(first.run);
  const config = ["--config", node.config];

  const list = await runJson<Run[]>(["runs", ...config]);
  expect(list.map(({ run, state, checkpoints }) => [run, state, checkpoints[0]?.round])).toEqual([
    [second.run, "finished", 2],
    [first.run, "finished", 4],
  ]);

  const newest = await exported(...config);
  expect(newest.own).toMatchObject({ runId: second.run, round: 2 });
  expect(newest.peft.r).toBe(RUN.adapter.rank);
  // Neither the settings nor the data are those of the configuration: the folder alone will do.
  const older = await exported(
    "--data-dir",
    node.dataDir,
    "--run",
    first.run.slice(0, 12),
    "--round",
    "3",
  );
  expect(older.result).toMatchObject({ run: first.run, rounds: 3 });
  expect(older.own).toMatchObject({ runId: first.run, round: 3, examples: "prompt" });
  expect(older.peft.r).toBe(2);
  const card = readFileSync(join(older.out, "README.md"), "utf8");
  expect(card).toContain(first.run);
  expect(card).toContain("| round | 3 of 4 |");

  // what it brought, by folder alone, beside as many steps alone
  const written = join(temporaryFolder(), "report");
  const report = await runJson<NodeReport>(["report", node.dataDir, "--out", written]);
  expect(report).toMatchObject({ run: second.run, rounds: { done: 2, of: 2 }, chain: null });
  const [compared] = report.comparisons;
  assert(compared !== undefined, "held-out rows");
  const { base, localOnly, federated } = compared;
  expect(federated.loss).toBeLessThan(base.loss);
  expect(localOnly?.loss).toBeLessThan(base.loss);
  expect(federated.loss).toBeCloseTo(report.curve.at(-1)?.loss ?? 0, 6);
  expect(readdirSync(written).sort()).toEqual(
    ["html", "json", "md", "png"].map((kind) => `report.${kind}`),
  );

  // A newer round takes the place of an older one of its run, and of no other's.
  const over = (run: string) => ["export", ...config, "--run", run, "--out", older.out];
  expect((await runCommand(over(second.run))).stderr).toContain("holds an adapter already");
  expect((await runCommand(over(first.run))).code).toBe(0);

  // Where an adapter came from goes along with it.
  const again = await exported("--adapter", older.out);
  expect(again.own).toEqual({ ...older.own, round: 4 });

  const gone = [
    "export",
    ...config,
    "--run",
    first.run,
    "--round",
    "1",
    "--out",
    temporaryFolder(),
  ];
  const { code, stderr } = await runCommand(gone);
  expect(code).toBe(3);
  expect(stderr).toContain("after the rounds 2, 3, 4");
});

/** Another rank makes another run. */
const RUN = { steps: 2, batchSize: 4, sequenceMax: 48, adapter: { rank: 3, targets: "q,v" } };
