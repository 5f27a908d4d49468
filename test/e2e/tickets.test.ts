import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import type { NodeStatus } from "../../src/node/records/records.ts";
import type { TestProcess } from "../support/child-process.ts";
import { runCommand, runJson } from "../support/command-line.ts";
import { startCli } from "../support/klatch-cli.ts";
import { freePorts } from "../support/ports.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

interface Created {
  readonly peerId: string;
  readonly run: string;
  readonly mode: string;
  readonly expires: string;
  readonly tickets: readonly string[];
  readonly config: string;
}

interface Joined {
  readonly peerId: string;
  readonly run: string;
  readonly members: readonly string[];
  readonly config: string;
  readonly state: string;
}

const TINY = ["--run-rounds", "2", "--run-steps", "2", "--run-batch-size", "4"];
const SMALL = [
  "--run-sequence-max",
  "48",
  "--run-adapter-rank",
  "2",
  "--run-adapter-targets",
  "q,v",
];

/** What a node on a machine with others is given; rounds are not to end without the slow. */
const own = (port: number | undefined): string[] => [
  ...["--network-listen", `/ip4/127.0.0.1/tcp/${port}`, "--status-port", "0", "--threads", "1"],
  ...["--timing-linger-ms", "0", "--timing-commit-grace-ms", "20000", "--log-format", "json"],
];

function dataAbout(topic: string, folder: string): string {
  const file = join(folder, `${topic}.jsonl`);
  const rows = Array.from({ length: 24 }, (_, row) =>
    JSON.stringify({ prompt: `question ${row} about ${topic}`, completion: `answer ${row % 5}` }),
  );
  writeFileSync(file, `${rows.join("\n")}\n`);
  return file;
}

const start = (config: string): TestProcess =>
  startCli(["start", "--config", config, "--exit-when-finished", "--json"]);

/** The members and their addresses in a configuration file. */
function writtenIn(config: string) {
  const { run, network } = parse(readFileSync(config, "utf8")) as {
    run: { members: string[] };
    network: { bootstrap: string[] };
  };
  return { members: run.members, bootstrap: network.bootstrap };
}

test("three organisations go from nothing to a finished run by tickets; killed while they wait, they go on", async () => {
  const folder = temporaryFolder();
  const ports = await freePorts(4);
  const data = ["rivers", "mountains", "oceans"].map((topic) => dataAbout(topic, folder));
  const [a, b, c] = ["a", "b", "c"].map((name) => join(folder, name)) as [string, string, string];
  const dataOf = (place: number) => ["--data", data[place] ?? ""];
  const create = ["run", "create", a, "--name", "waters", "--seats", "3"];
  const created = await runJson<Created>([
    ...[...create, ...dataOf(0), ...TINY, ...SMALL, ...own(ports[0])],
  ]);
  const [ticketB = "", ticketC = ""] = created.tickets;
  expect(created).toMatchObject({ mode: "gossip", tickets: { length: 2 } });

  // the first seat; then the creator dies, and what it has admitted is still there
  const creator = start(created.config);
  await creator.line((line) => line.includes('"msg":"listening"'));
  const joinedB = await runJson<Joined>(["join", ticketB, b, ...dataOf(1), ...own(ports[1])]);
  expect(joinedB).toMatchObject({ run: created.run, members: [], state: "waiting" });
  const waiting = start(joinedB.config);
  await waiting.line((line) => line.includes('"msg":"listening"'));
  creator.kill("SIGKILL");
  await creator.ended();
  const again = start(created.config);
  await again.line((line) => line.includes('"msg":"listening"'));

  // somebody else's ticket, and no ticket
  const joinX = (ticket: string) =>
    runCommand(["join", ticket, join(folder, "x"), ...dataOf(2), ...own(ports[3])]);
  const used = await joinX(ticketB);
  expect([used.code, used.stderr]).toEqual([
    2,
    expect.stringContaining("another peer has the seat"),
  ]);
  await again.line((line) => line.includes('"msg":"refused an admission"'));
  const cut = await joinX(ticketC.slice(0, -3));
  expect([cut.code, cut.stderr]).toEqual([
    2,
    expect.stringMatching(/no ticket: it was cut: \d+ of/),
  ]);

  // one that waits dies too; the last seat seals the run
  waiting.kill("SIGKILL");
  await waiting.ended();
  const joinedC = await runJson<Joined>(["join", ticketC, c, ...dataOf(2), ...own(ports[2])]);
  const members = [created.peerId, joinedB.peerId, joinedC.peerId].sort();
  expect(joinedC).toMatchObject({ state: "sealed", run: created.run });
  expect([...joinedC.members].sort()).toEqual(members);

  // b comes back when the others train already, and is given the members by the creator's node
  const nodes = [again, start(joinedC.config), start(joinedB.config)];
  const results = await Promise.all(
    nodes.map(async (node) => {
      expect((await node.ended()).code, node.stderr).toBe(0);
      return (JSON.parse(node.stdout) as { status: NodeStatus }).status;
    }),
  );
  expect(new Set(results.map(({ run }) => run)).size).toBe(1);
  for (const { mixedRounds, round } of results) {
    expect(round).toBe(2);
    expect(mixedRounds).toBeGreaterThanOrEqual(1);
  }
  for (const config of [created.config, joinedB.config, joinedC.config]) {
    expect(writtenIn(config).members).toEqual(members);
    expect(writtenIn(config).bootstrap.length).toBeGreaterThanOrEqual(2);
  }
});

test("a ticket that has expired admits nobody, and both sides say so", async () => {
  const folder = temporaryFolder();
  const [port, other] = await freePorts(2);
  const data = dataAbout("rivers", folder);
  const created = await runJson<Created>([
    ...["run", "create", join(folder, "a"), "--name", "waters", "--seats", "2", "--expires", "1s"],
    ...["--data", data, ...own(port)],
  ]);
  while (Date.now() < Date.parse(created.expires)) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  const join2 = ["join", created.tickets[0] ?? "", join(folder, "b"), "--data", data];
  const joined = await runCommand([...join2, ...own(other)]);
  expect([joined.code, joined.stderr]).toEqual([
    2,
    expect.stringContaining("the ticket expired at"),
  ]);
  const started = await runCommand(["start", "--config", created.config]);
  expect(started.code).toBe(2);
  expect(started.stderr).toContain("with 1 of 2 seats taken");
});
