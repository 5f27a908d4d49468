import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import type { NodeStatus } from "../../src/node/records/records.ts";
import type { TestProcess } from "../support/child-process.ts";
import { runCommand, runJson } from "../support/command-line.ts";
import { startCli } from "../support/klatch-cli.ts";
import { configure, makeSmallNode, type SmallNode } from "../support/small-node.ts";

const CLOCK = pathToFileURL(join(import.meta.dirname, "../support/shifted-clock.ts")).href;
/** Within this of the last start every mismatch is named. */
const NAMED_WITHIN_MS = 10_000;

const start = (
  node: SmallNode,
  flags: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): TestProcess => startCli(["start", "--config", node.config, ...flags], env);

/** Where a node that has started listens. */
async function addressOf(process: TestProcess): Promise<string> {
  const line = await process.line((text) => text.startsWith("address"));
  return line.replace(/^address +/, "");
}

const listening = (bootstrap: readonly string[], more: object = {}) => ({
  network: { listen: ["/ip4/127.0.0.1/tcp/0"], bootstrap, redialBaseMs: 200, ...more },
});

test("a member that cannot be mixed with is named with the reason by status, peers, doctor and the log", async () => {
  const topics = ["anna", "setting", "list", "clock", "key"];
  const [anna, setting, list, clock, key] = (await Promise.all(
    topics.map((topic) => makeSmallNode(topic)),
  )) as [SmallNode, SmallNode, SmallNode, SmallNode, SmallNode];
  const run = { members: [anna, setting, list, clock, key], rounds: 1000 };

  // one that leaves Anna out of its list, and one in another private network: Anna calls on them
  configure(list, { ...run, members: [list, clock] }, listening([]));
  const { networkKey: networkKeyFile } = await runJson<{ networkKey: string }>([
    "init",
    join(key.folder, "with-key"),
    "--network-key",
  ]);
  configure(key, run, listening([], { networkKeyFile }));
  const called = await Promise.all([start(list), start(key)].map((process) => addressOf(process)));
  configure(anna, run, listening(called));
  const process = start(anna);
  const address = await addressOf(process);

  // one with another setting, and one whose clock is two hours ahead: they call on Anna
  configure(setting, run, listening([address]));
  configure(clock, run, listening([address]));
  const late = [
    start(setting, ["--run-steps", "3"]),
    start(clock, [], { NODE_OPTIONS: `--import=${CLOCK}`, TEST_CLOCK_SHIFT_MS: "7200000" }),
  ];
  await Promise.all(late.map((each) => each.line((line) => line.startsWith("rounds "))));
  const startedAt = performance.now();

  const reasons: readonly (readonly [SmallNode, RegExp])[] = [
    [setting, /runs another run: .*run.steps 3, here 2/],
    [list, /is this node among its members\?/],
    [clock, /its clock is 2 h 0 min ahead of this node's: beyond 10 min/],
    [key, /not a Klatch node, or another network key/],
  ];
  const peers = () => runJson<NodeStatus["peers"]>(["peers", "--config", anna.config]);
  const isNamed = (all: NodeStatus["peers"]) =>
    reasons.every(([{ peerId }, reason]) =>
      reason.test(all.find(({ peer }) => peer === peerId)?.reason ?? ""),
    );
  let seen = await peers();
  while (!isNamed(seen) && performance.now() - startedAt < NAMED_WITHIN_MS) seen = await peers();
  expect(seen.map(({ reason }) => reason)).not.toContain(null);

  const { stdout: status } = await runCommand(["status", "--config", anna.config]);
  const doctor = await runCommand(["doctor", "--config", anna.config]);
  const log = process.notes.join("\n");
  for (const [{ peerId }, reason] of reasons) {
    expect(seen.find(({ peer }) => peer === peerId)?.reason).toMatch(reason);
    for (const text of [status, doctor.stdout, log]) expect(text).toMatch(reason);
  }

  // the other side knows as well
  const theirs = await runJson<NodeStatus["peers"]>(["peers", "--config", clock.config]);
  const clockOfAnna = theirs.find(({ peer }) => peer === anna.peerId);
  expect(clockOfAnna?.reason).toMatch(/2 h 0 min behind this node's/);
});
