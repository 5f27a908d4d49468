import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { TestnetReport } from "../../testnet/index.ts";
import { configure, makeSmallNode } from "../support/small-node.ts";
import { isAlive, makeScratch, outcomeOf, SMALL, startCli, until } from "./testnet-cli.ts";

const ROOT = join(import.meta.dirname, "../..");

test.skipIf(process.platform === "win32")(
  "a signal that npm gets reaches the node that it runs",
  async () => {
    const node = await makeSmallNode("rivers");
    configure(node, { members: [node], rounds: 1000 });
    const args = ["run", "-s", "klatch", "--", "start", "--config", node.config];
    const npm = spawn("npm", args, { cwd: ROOT, stdio: ["ignore", "ignore", "pipe"] });
    let log = "";
    npm.stderr.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
    await until(() => log.includes("round done"), "the node trains");
    const address = join(node.dataDir, "status.json");
    const { pid } = JSON.parse(readFileSync(address, "utf8")) as { pid: number };
    onTestFinished(() => {
      if (isAlive(pid)) process.kill(pid, "SIGKILL");
    });

    npm.kill("SIGTERM");
    await once(npm, "exit");

    await until(() => !isAlive(pid), "the node has stopped");
    expect(log).toContain('"msg":"stopped"');
    expect(existsSync(address)).toBe(false);
  },
);

test("a network that is interrupted ends with 130 and a report of what there is", async () => {
  const scratch = await makeScratch();
  onTestFinished(() => scratch.remove());
  const flags = ["--rounds", "10000", "--report", "out", "--json"];
  const child = startCli(["testnet", "run", ...SMALL, ...flags], scratch.folder);
  const outcome = outcomeOf(child);
  let progress = "";
  child.stderr?.on("data", (text: Buffer) => {
    progress += text.toString();
  });
  await until(() => /round [2-9]\d*\//.test(progress), "two rounds are done");

  child.kill("SIGINT");

  const { code, stdout, stderr } = await outcome;
  expect(code, stderr).toBe(130);
  const report: TestnetReport = JSON.parse(stdout);
  expect(report).toMatchObject({ interrupted: true, base: null, federated: null });
  for (const { rounds, curve } of report.peers) {
    expect(rounds).toBeGreaterThanOrEqual(2);
    expect(curve).toHaveLength(rounds);
  }
  const written = JSON.parse(readFileSync(join(scratch.folder, "out/report.json"), "utf8"));
  expect(written).toEqual(report);
});
