import { expect, test } from "vitest";
import type { NodeStatus } from "../../src/node/records/records.ts";
import { startCli } from "../support/klatch-cli.ts";
import { configure, makeSmallNode, type SmallNode } from "../support/small-node.ts";

const STEPS = 400;

interface Said {
  readonly msg: string;
  readonly steps: number;
}

/** A node in a run of its own with one round of many steps. */
async function longRound(checkpointSteps: number): Promise<SmallNode> {
  const node = await makeSmallNode("rivers");
  const terms = { steps: STEPS, checkpointSteps };
  configure(node, { members: [node], rounds: 1, terms }, LOUD);
  return node;
}

const LOUD = { log: { format: "json", level: "debug" } };
const start = (node: SmallNode) =>
  startCli(["start", "--config", node.config, "--exit-when-finished", "--json"]);
const said = (line: string): Said | null =>
  line.startsWith("{") && line.includes('"msg"') ? (JSON.parse(line) as Said) : null;
const keptFrom = (steps: number) => (line: string) =>
  said(line)?.msg === "keeps the round's training" && (said(line)?.steps ?? 0) >= steps;
const goesOn = (lines: readonly string[]) =>
  lines.map(said).find((each) => each?.msg === "goes on in the middle of the round's training");

async function endOf(process: ReturnType<typeof start>): Promise<NodeStatus> {
  expect((await process.ended()).code, process.stderr).toBe(0);
  return (JSON.parse(process.stdout) as { status: NodeStatus }).status;
}

/** Runs a node that a signal ends once the line comes, and starts it again. */
async function endedOnce(
  checkpointSteps: number,
  signal: NodeJS.Signals,
  isTime: (line: string) => boolean,
) {
  const node = await longRound(checkpointSteps);
  const first = start(node);
  await first.line(isTime);
  first.kill(signal);
  await first.ended();
  const second = start(node);
  const { adapter } = await endOf(second);
  const wentOn = goesOn(second.notes)?.steps ?? null;
  const keeps = [...first.notes, ...second.notes].filter(keptFrom(0)).length;
  return { adapter, wentOn, keeps };
}

test("a node that ends in the middle of a long round goes on there, to the same bytes", async () => {
  const isInRound = (line: string) => line.includes('"msg":"listening"');
  const undisturbed = await endOf(start(await longRound(10)));
  const [killed, stopped, unkept] = await Promise.all([
    endedOnce(10, "SIGKILL", keptFrom(40)),
    endedOnce(10, "SIGTERM", keptFrom(40)),
    endedOnce(0, "SIGKILL", isInRound),
  ]);

  expect(undisturbed.adapter).not.toBeNull();
  expect(killed.adapter).toBe(undisturbed.adapter);
  expect(killed.wentOn).toBeGreaterThanOrEqual(40);
  // asked to stop, it keeps every step that was taken
  expect(stopped.adapter).toBe(undisturbed.adapter);
  expect(stopped.wentOn).toBeGreaterThanOrEqual(40);
  // control: with nothing kept it begins the round again
  expect(unkept).toEqual({ adapter: undisturbed.adapter, wentOn: null, keeps: 0 });
});
