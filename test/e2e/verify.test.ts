import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { NodeStatus, RoundRecord } from "../../src/node/records/records.ts";
import type { TestProcess } from "../support/child-process.ts";
import { runCommand, runJson } from "../support/command-line.ts";
import { startCli } from "../support/klatch-cli.ts";
import { configure, makeSmallNode, type SmallNode } from "../support/small-node.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

interface Verified {
  readonly valid: boolean;
  readonly rounds: number;
  readonly digest: string;
  readonly head: string;
  readonly problems: readonly string[];
}

/** Where a node that has started listens. */
async function addressOf(process: TestProcess): Promise<string> {
  const line = await process.line((text) => text.startsWith("address"));
  return line.replace(/^address +/, "");
}

/** Runs four nodes of one run in mode agreed to its end. */
async function runFour(rounds: number): Promise<readonly SmallNode[]> {
  const topics = ["rivers", "hills", "ports", "woods"];
  const nodes = await Promise.all(topics.map((topic) => makeSmallNode(topic)));
  const addresses: string[] = [];
  const processes: TestProcess[] = [];
  for (const node of nodes) {
    const network = { listen: ["/ip4/127.0.0.1/tcp/0"], bootstrap: [...addresses] };
    configure(node, { members: nodes, rounds }, { network });
    const process = startCli(["start", "--config", node.config, "--run-mode", "agreed"]);
    processes.push(process);
    addresses.push(await addressOf(process));
  }
  // who has ended serves the others until all have
  await Promise.all(
    processes.map((each) => each.line((line) => line.includes("the run is finished"))),
  );
  for (const process of processes) {
    process.kill("SIGTERM");
    const { code } = await process.ended();
    expect(code, process.stderr).toBe(0);
  }
  return nodes;
}

test("four organisations end with one adapter, and an auditor sees who signed it", async () => {
  const nodes = await runFour(2);
  const folders = nodes.map(({ dataDir }) => dataDir);

  // every member has the same chain, and the same adapter to the bit
  const verified = await Promise.all(
    folders.map((folder) => runJson<Verified>(["verify", folder])),
  );
  expect(verified.map(({ valid }) => valid)).toEqual([true, true, true, true]);
  expect(new Set(verified.map(({ digest, head }) => `${digest} ${head}`)).size).toBe(1);
  const { head, digest } = verified[0] as Verified;

  const [node] = nodes as [SmallNode];
  const of = ["--data-dir", node.dataDir];
  const status = await runJson<NodeStatus>(["status", ...of]);
  expect(status).toMatchObject({ mode: "agreed", rule: "check-twins", certifiedAttackers: 1 });
  expect(status.agreed).toMatchObject({ blocks: 2, head, quorum: 3 });
  expect(await runJson(["runs", ...of])).toMatchObject([{ mode: "agreed", state: "finished" }]);
  const rounds = await runJson<RoundRecord[]>(["rounds", ...of]);
  expect(rounds.map((round) => round.agreed?.block)).toEqual([expect.any(String), head]);
  expect(rounds[1]?.agreed?.certificateBytes).toBeGreaterThan(3 * 64);

  // what the auditor gets is a folder, and the head from somebody else
  const out = join(temporaryFolder(), "adapter");
  expect(await runJson(["export", ...of, "--out", out])).toMatchObject({
    ...{ mode: "agreed", proof: "klatch.proof.json", provenFrom: 1 },
  });
  expect(JSON.parse(readFileSync(join(out, "klatch.json"), "utf8"))).toMatchObject({
    ...{ mode: "agreed", head, round: 2 },
  });
  expect(await runJson(["verify", out, "--head", head])).toMatchObject({
    ...{ valid: true, rounds: 2, digest, problems: [], notes: [] },
  });

  // an adapter that goes on to others takes its proof along
  const again = join(temporaryFolder(), "again");
  await runJson(["export", "--adapter", out, "--out", again]);
  expect((await runJson<Verified>(["verify", again])).digest).toBe(digest);

  // one bit of the adapter, and of an older round under the newest proof
  const forged = join(temporaryFolder(), "forged");
  cpSync(out, forged, { recursive: true });
  const file = join(forged, "adapter_model.safetensors");
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1));
  const { code, stdout } = await runCommand(["verify", forged]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^problem {3}the adapter is not the certified one of round 2/m);
  const earlier = join(temporaryFolder(), "earlier");
  await runJson(["export", ...of, "--round", "1", "--out", earlier]);
  expect(await runJson(["verify", earlier])).toMatchObject({ valid: true, rounds: 1 });
  cpSync(join(out, "klatch.proof.json"), join(earlier, "klatch.proof.json"));
  expect((await runCommand(["verify", earlier])).code).toBe(1);
});

test("what mode agreed cannot be is refused before anything is loaded", async () => {
  const node = await makeSmallNode("rivers");
  configure(node, { members: [node], rounds: 1 });
  const flags = ["--config", node.config, "--run-mode", "agreed", "--run-topology", "ring"];

  const { code, stderr } = await runCommand(["start", ...flags]);

  expect(code).toBe(2);
  expect(stderr).toContain("mode agreed needs a full topology");
  const { checks } = JSON.parse((await runCommand(["doctor", ...flags, "--json"])).stdout);
  expect(checks).toContainEqual(
    expect.objectContaining({
      name: "members",
      status: "fail",
      fix: expect.stringMatching("full"),
    }),
  );
});
