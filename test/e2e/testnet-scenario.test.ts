import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestnetReport } from "../../testnet/index.ts";
import { makeScratch, runCli } from "./testnet-cli.ts";

const SCENARIOS = join(import.meta.dirname, "../../testnet/scenarios");

let scratch: Awaited<ReturnType<typeof makeScratch>>;
beforeAll(async () => {
  scratch = await makeScratch();
});
afterAll(() => scratch.remove());

const isRoot = process.getuid?.() === 0 && process.platform === "linux";

async function run(file: string) {
  const args = ["testnet", "run", "--scenario", file, "--json"];
  const { code, stdout, stderr } = await runCli(args, scratch.folder);
  const report = JSON.parse(stdout) as TestnetReport;
  const unmet = report.expectations.filter(({ isMet }) => !isMet).map(({ what }) => what);
  return { code, stderr, report, unmet };
}

test("hospital: one comes late, one is killed, one is paused, one attacks; all that is expected is met", async () => {
  const { code, stderr, report, unmet } = await run(join(SCENARIOS, "hospital.yaml"));

  expect(unmet, stderr).toEqual([]);
  expect(code).toBe(0);
  expect(report.expectations).toHaveLength(5);
  expect(report.incidents.map(({ peer, what }) => `${peer} ${what.split(" ")[0]}`)).toEqual([
    "4 started",
    "2 killed",
    "1 paused",
  ]);
});

test.skipIf(!isRoot)(
  "bad machines: a full disk and a wrong clock cost nobody a round (root on Linux)",
  async () => {
    const { unmet, stderr, code } = await run(join(SCENARIOS, "bad-machines.yaml"));
    expect(unmet, stderr).toEqual([]);
    expect(code).toBe(0);
  },
);

test("what is not met is told, and is the exit code (control)", async () => {
  const file = join(scratch.folder, "vain.yaml");
  writeFileSync(file, "peers: 2\nrounds: 1\nsteps: 1\nexpect: { finished: true, loss: 0.01 }\n");
  const { code, unmet } = await run(file);
  expect(unmet).toEqual(["loss at most 0.01"]);
  expect(code).toBe(1);
});
