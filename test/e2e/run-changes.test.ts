import { join } from "node:path";
import { expect, test } from "vitest";
import type { NodeStatus, RoundRecord } from "../../src/node/records/records.ts";
import type { TestProcess } from "../support/child-process.ts";
import { runJson } from "../support/command-line.ts";
import { startCli } from "../support/klatch-cli.ts";
import { configure, makeSmallNode, type SmallNode } from "../support/small-node.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const NEW_RUN = '"msg":"a new run begins';

/** A node that trains alone, run to its end. */
async function lonely(node: SmallNode, ...flags: string[]): Promise<TestProcess & Ended> {
  const process = startCli([
    "start",
    "--config",
    node.config,
    "--exit-when-finished",
    "--json",
    ...flags,
  ]);
  expect((await process.ended()).code, process.stderr).toBe(0);
  const { status } = JSON.parse(process.stdout) as { status: NodeStatus };
  return Object.assign(process, { status });
}

interface Ended {
  readonly status: NodeStatus;
}

test("a run is extended without a new one; a changed setting begins one, and says which and where the old adapter is", async () => {
  const node = await makeSmallNode("rivers");
  const run = { members: [node], rounds: 3 };
  configure(node, run);
  const first = await lonely(node);
  expect(first.status).toMatchObject({ round: 3, rounds: 3 });
  const longer = await lonely(node, "--run-rounds", "5");
  expect(longer.status).toMatchObject({ run: first.status.run, round: 5, rounds: 5 });
  const rounds = await runJson<RoundRecord[]>(["rounds", "--config", node.config]);
  expect(rounds.map(({ round }) => round).toSorted()).toEqual([1, 2, 3, 4, 5]);
  expect(longer.stderr).not.toContain(NEW_RUN);

  const other = await lonely(node, "--run-steps", "3");
  expect(other.status.run).not.toBe(first.status.run);
  const said = other.notes.find((line) => line.includes(NEW_RUN)) ?? "{}";
  const { changed, lastAdapter } = JSON.parse(said) as { changed: string[]; lastAdapter: string };
  expect(changed).toEqual(["run.steps 2 -> 3"]);
  const out = join(temporaryFolder(), "adapter");
  const command = lastAdapter.replace("FOLDER", out).split(" ").slice(1);
  const exported = await runJson<{ run: string; rounds: number }>([
    ...command,
    "--config",
    node.config,
  ]);
  expect(exported).toMatchObject({ run: first.status.run, rounds: 5 });

  // what was learnt goes into a third run, which is another than one that begins afresh
  const begun = await lonely(node, "--init", out, "--run-steps", "3");
  expect([first.status.run, other.status.run]).not.toContain(begun.status.run);
  const lossOfFirstRound = async ({ status }: Ended) => {
    const all = await runJson<RoundRecord[]>([
      ...["rounds", "--config", node.config],
      ...["--run", status.run.slice(0, 12)],
    ]);
    return all.find(({ round }) => round === 1)?.trainLoss ?? Number.NaN;
  };
  expect(await lossOfFirstRound(begun)).toBeLessThan(await lossOfFirstRound(other));
});
