import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import type { NodeStatus } from "../../src/node/records/records.ts";
import { freePorts } from "../../testnet/processes/free-ports.ts";
import type { TestProcess } from "../support/child-process.ts";
import { runCommand, runJson } from "../support/command-line.ts";
import { commandsIn } from "../support/documents.ts";
import { startCli } from "../support/klatch-cli.ts";
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

const SMALL = [
  "--run-batch-size",
  "4",
  "--run-sequence-max",
  "48",
  "--run-adapter-rank",
  "2",
  "--run-adapter-targets",
  "q,v",
];

/** What a node on a machine with others is given; rounds are not to end without the slow. */
const SHARED = ["--threads", "1", "--timing-commit-grace-ms", "20000"].concat(
  ...[
    ["--timing-linger-ms", "0"],
    ["--log-format", "json"],
  ],
);
const own = (port: number | undefined): string[] => [
  ...["--network-listen", `/ip4/127.0.0.1/tcp/${port}`, "--status-port", "0", ...SHARED],
];

/** What docs/QUICKSTART.md has people type, with these words in place of its own. */
function quickstart(words: Readonly<Record<string, string>>): readonly (readonly string[])[] {
  const said = (word: string) =>
    Object.entries(words).reduce((text, [theirs, ours]) => text.replace(theirs, ours), word);
  return commandsIn("docs/QUICKSTART.md").map(({ args }) => args.map(said));
}

function dataAbout(topic: string, folder: string): string {
  const file = join(folder, `${topic}.jsonl`);
  const rows = Array.from({ length: 24 }, (_, row) =>
    JSON.stringify({ prompt: `question ${row} about ${topic}`, completion: `answer ${row % 5}` }),
  );
  writeFileSync(file, `${rows.join("\n")}\n`);
  return file;
}

const start = (typed: readonly string[]): TestProcess =>
  startCli([...typed, "--exit-when-finished", "--json"]);

/** The members and their addresses in a configuration file. */
function writtenIn(config: string) {
  const { run, network } = parse(readFileSync(config, "utf8")) as {
    run: { members: string[] };
    network: { bootstrap: string[] };
  };
  return { members: run.members, bootstrap: network.bootstrap };
}

test("three organisations go the way of QUICKSTART by tickets; killed while they wait, they go on", async () => {
  const folder = temporaryFolder();
  const ports = await freePorts(4);
  const topics = ["rivers", "mountains", "oceans"];
  const data = topics.map((topic) => dataAbout(topic, folder));
  const places = ["hospital", "bank", "university"];
  const words = Object.fromEntries([
    ...topics.map((topic, at) => [`${topic}.jsonl`, data[at] ?? ""]),
    ...places.map((name) => [name, join(folder, name)]),
    ...["17117", "17118", "17119"].map((port, at) => [port, String(ports[at])]),
  ]) as Record<string, string>;
  const typed = quickstart(words);
  expect(typed.map(([name]) => name)).toEqual(["run", "start", "join", "start", "join", "start"]);
  const [create = [], startA = [], joinB = [], startB = [], joinC = [], startC = []] = typed;
  const withTicket = ([name = "", , ...rest]: readonly string[], ticket: string) => [
    ...[name, ticket, ...rest, ...SHARED],
  ];
  const created = await runJson<Created>([...create, ...SMALL, ...SHARED]);
  const [ticketB = "", ticketC = ""] = created.tickets;
  expect(created).toMatchObject({ mode: "gossip", tickets: { length: 2 } });

  // the first seat; then the creator dies, and what it has admitted is still there
  const creator = start(startA);
  await creator.line((line) => line.includes('"msg":"listening"'));
  const joinedB = await runJson<Joined>(withTicket(joinB, ticketB));
  expect(joinedB).toMatchObject({ run: created.run, members: [], state: "waiting" });
  const waiting = start(startB);
  await waiting.line((line) => line.includes('"msg":"listening"'));
  creator.kill("SIGKILL");
  await creator.ended();
  const again = start(startA);
  await again.line((line) => line.includes('"msg":"listening"'));

  // somebody else's ticket, and no ticket
  const joinX = (ticket: string) =>
    runCommand(["join", ticket, join(folder, "x"), "--data", data[2] ?? "", ...own(ports[3])]);
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
  const joinedC = await runJson<Joined>(withTicket(joinC, ticketC));
  const members = [created.peerId, joinedB.peerId, joinedC.peerId].sort();
  expect(joinedC).toMatchObject({ state: "sealed", run: created.run });
  expect([...joinedC.members].sort()).toEqual(members);

  // b comes back when the others train already, and is given the members by the creator's node
  const nodes = [again, start(startC), start(startB)];
  const results = await Promise.all(
    nodes.map(async (node) => {
      expect((await node.ended()).code, node.stderr).toBe(0);
      return (JSON.parse(node.stdout) as { status: NodeStatus }).status;
    }),
  );
  expect(new Set(results.map(({ run }) => run)).size).toBe(1);
  for (const { mixedRounds, round } of results) {
    expect(round).toBe(3);
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
