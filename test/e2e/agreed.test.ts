import { expect, test } from "vitest";
import { digestOfState } from "../../src/node/peer/manifest.ts";
import type { NodeReport } from "../../src/node/report/node-report.ts";
import { openStore } from "../../src/node/store/store.ts";
import type { TestProcess } from "../support/child-process.ts";
import { runJson } from "../support/command-line.ts";
import { startCli } from "../support/klatch-cli.ts";
import { configure, makeSmallNode, type SmallNode } from "../support/small-node.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const ROUNDS = 8;

const start = (node: SmallNode): TestProcess =>
  startCli(["start", "--config", node.config, "--json"]);

/** Waits until a node has ended so many rounds. */
const hasDone = (process: TestProcess, rounds: number): Promise<string> =>
  process.line((line) => line.includes('"msg":"round done"') && roundOf(line) >= rounds);
const roundOf = (line: string): number => (JSON.parse(line) as { round: number }).round;

/** Waits until a node has ended the run; it serves slower ones then. */
const hasFinished = (process: TestProcess): Promise<string> =>
  process.line((line) => line.includes("the run is finished"));

/** What a node ended with, from its own folder. */
function endOf(node: SmallNode, run: string) {
  const store = openStore(node.dataDir);
  try {
    const checkpoint = store.loadCheckpoint(run)?.checkpoint;
    const blocks = store.chain(run, 0, 100).map(({ block }) => Buffer.from(block).toString("hex"));
    return {
      digest: checkpoint && digestOfState(checkpoint.adapter),
      blocks,
      mixed: store.rounds(run, 100).map(({ mixed }) => mixed.length),
    };
  } finally {
    store.close();
  }
}

test("four members agree on every round, also with one that dies in the middle and comes back", async () => {
  const topics = ["rivers", "mountains", "oceans", "deserts"];
  const nodes = await Promise.all(topics.map((topic) => makeSmallNode(topic)));
  const [first, ...others] = nodes as [SmallNode, ...SmallNode[]];
  const run = { members: nodes, rounds: ROUNDS };
  const change = (bootstrap: readonly string[]) => ({
    run: {
      ...{ mode: "agreed", rounds: ROUNDS, steps: 2, batchSize: 4, sequenceMax: 48 },
      ...{ adapter: { rank: 2, targets: "q,v" }, members: nodes.map(({ peerId }) => peerId) },
    },
    network: { listen: ["/ip4/127.0.0.1/tcp/0"], bootstrap, redialBaseMs: 200 },
    timing: { commitGraceMs: 2000, openDelayMs: 500, repeatMs: 500 },
  });
  configure(first, run, change([]));
  const processes = [start(first)];
  const address = await processes[0]?.line((line) => line.includes('"msg":"listening"'));
  const { addresses } = JSON.parse(address ?? "") as { addresses: string[] };
  for (const node of others) {
    configure(node, run, change(addresses));
    processes.push(start(node));
  }
  const victim = processes[3] as TestProcess;
  await hasDone(victim, 2);
  victim.kill("SIGKILL");
  // three of four are a quorum: the others go on
  await hasDone(processes[1] as TestProcess, 4);
  processes[3] = start(others[2] as SmallNode);

  await Promise.all(processes.map(hasFinished));
  const results = await Promise.all(
    processes.map(async (process) => {
      process.kill("SIGTERM");
      expect((await process.ended()).code, process.stderr).toBe(0);
      return JSON.parse(process.stdout) as { status: { run: string; peerId: string } };
    }),
  );
  const runs = new Set(results.map(({ status }) => status.run));
  expect(runs.size).toBe(1);
  const ends = nodes.map((node) => endOf(node, [...runs][0] ?? ""));
  expect(new Set(ends.map(({ digest }) => digest)).size).toBe(1);
  for (const { blocks } of ends) expect(blocks).toEqual(ends[0]?.blocks);
  expect(ends[0]?.blocks).toHaveLength(ROUNDS);
  for (const { mixed } of ends) expect(Math.min(...mixed)).toBeGreaterThanOrEqual(2);

  // what each was worth to the first, by rounds that its folder keeps
  const report = ["report", first.dataDir, "--no-local-only", "--out", temporaryFolder()];
  const { members } = await runJson<NodeReport>(report);
  expect(members).toHaveLength(nodes.length);
  for (const { worth } of members) expect(worth?.rounds).toBeGreaterThan(0);
  const left = await runJson<NodeReport>([...report.slice(0, -1), temporaryFolder(), "--no-worth"]);
  expect(left.members.map(({ worth }) => worth)).toEqual(nodes.map(() => null));
});
