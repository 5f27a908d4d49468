import { afterEach, expect, test } from "vitest";
import type { NodeStatus } from "../../src/node/records/records.ts";
import { TestProcess } from "../support/child-process.ts";
import { runCommand, runJson } from "../support/command-line.ts";
import { startCli } from "../support/klatch-cli.ts";
import { makeMismatches } from "../support/mismatches.ts";
import { programFile } from "../support/program-file.ts";
import { stopRawPeers } from "../support/raw-peer.ts";
import type { SmallNode } from "../support/small-node.ts";

afterEach(stopRawPeers);

const CLOCK = new URL("../../testnet/processes/shifted-clock.ts", import.meta.url).href;
/** Within this of the last start every mismatch is named. */
const NAMED_WITHIN_MS = 10_000;

/** The twelve kinds, each in every shape that it has: who differs from Anna's node, and what is said of it. */
const KINDS: readonly (readonly [kind: string, ...(readonly [who: string, said: RegExp])[]])[] = [
  [
    "another model",
    ["model", /run: model other-model \([0-9a-f]{12}\), here model \([0-9a-f]{12}\)/],
  ],
  ["another tokenizer", ["template", /another tokenizer or chat template beside the same model/]],
  ["another adapter", ["adapter", /runs another run: run.adapter.rank 4, here 2/]],
  ["another task", ["task", /runs another run: .*run.task classification, here causal/]],
  ["another rule or codec", ["rule", /run.codec float32, here int8; run.rule mean, here cs-plus/]],
  ["another setting", ["setting", /runs another run: run.steps 3, here 2/]],
  [
    "another version of the protocol",
    ["wordless", /is of an earlier version of klatch: update it/],
    ["elder", /another version of the protocol: 1 \(klatch 0.9.0\), here 2 .*update the older one/],
  ],
  ["another network key", ["key", /not reached at .*not a Klatch node, or another network key/]],
  [
    "a clock that is off",
    ["clock", /its clock is 2 h 0 min ahead of this node's: beyond 10 min/],
    ["leaver", /its clock is [78] s ahead of this node's/],
  ],
  [
    "not a member",
    ["list", /not reached at .*is this node among its members\?/],
    ["stranger", /not in run.members|"reason":"not-member"/],
  ],
  [
    "not reached",
    ["down", /not reached at \/ip4\/127.0.0.1\/tcp\/1: connection refused/],
    ["mistyped", /mistyped.invalid\/tcp\/7117: no (such name|name server answers)/],
    ["moved", /not reached at .*: another peer answers there/],
  ],
  ["stopped", ["leaver", /has stopped, and said so/]],
];
/** Of `stopped` there is something to see only once it has happened. */
const AT_FIRST = KINDS.filter(([kind]) => kind !== "stopped").flatMap(([, ...shapes]) => shapes);
/** How often the reasons are looked at in a row once all are there: none may come and go. */
const LOOKS = 12;

type Peers = NodeStatus["peers"];

/** What is told of each member, as its reason or beside it. */
function told(peers: Peers): Readonly<Record<string, string>> {
  return Object.fromEntries(
    peers.map(({ peer, reason, notes }) => [peer, [reason ?? "", ...notes].join("; ")]),
  );
}

test("twelve kinds of mismatch are named by peers, status, doctor and the log, and none comes and goes", async () => {
  expect(KINDS).toHaveLength(12);
  const { anna, members, inOneProcess, connectElders } = await makeMismatches();
  const start = ({ config }: SmallNode, clockShiftMs = 0) =>
    startCli(["start", "--config", config], {
      NODE_OPTIONS: `--import=${CLOCK}`,
      TEST_CLOCK_SHIFT_MS: `${clockShiftMs}`,
    });
  const lodgers = new TestProcess(
    programFile("test/support/many-nodes"),
    inOneProcess.map(({ config }) => config),
  );
  // nine nodes that start in one process answer nobody for seconds: Anna's dials none of them until then
  await lodgers.line((line) => line === "all have started");
  const annas = start(anna);
  const [clock, leaver] = [start(members.clock, 7_200_000), start(members.leaver, 8000)];
  await Promise.all(
    [annas, clock, leaver].map((each) => each.line((line) => line.startsWith("rounds "))),
  );
  await connectElders();
  const startedAt = performance.now();

  const look = () => runJson<Peers>(["peers", "--config", anna.config]);
  const saidOf = (peers: Peers, who: string) =>
    told(peers)[members[who as keyof typeof members].peerId] ?? "";
  const isNamed = (peers: Peers) =>
    AT_FIRST.every(([who, said]) => who === "stranger" || said.test(saidOf(peers, who)));
  let peers = await look();
  while (!isNamed(peers) && performance.now() - startedAt < NAMED_WITHIN_MS) peers = await look();
  for (let times = 0; times < LOOKS; times += 1) expect(told(await look())).toEqual(told(peers));

  // what a visitor says in the name of a member that runs unseen is answered, and changes nothing
  const [doctor, visitor] = await Promise.all(
    [anna, members.model].map(({ config }) => runCommand(["doctor", "--config", config])),
  );
  expect(visitor?.stdout).toMatch(
    /run: model model \([0-9a-f]{12}\), here other-model \([0-9a-f]{12}\)/,
  );
  expect(told(await look())).toEqual(told(peers));

  const texts = {
    peers: (await runCommand(["peers", "--config", anna.config])).stdout,
    status: (await runCommand(["status", "--config", anna.config])).stdout,
    doctor: doctor?.stdout,
    log: annas.notes.map((line) => inWords(line)).join("\n"),
  };
  for (const [who, said] of AT_FIRST) {
    for (const [where, text] of Object.entries(texts))
      expect(text, `${who} in ${where}`).toMatch(said);
  }
  expect(texts.log).not.toContain("has stopped, and said so");

  // the other side knows as well
  const theirs = await runJson<Peers>(["peers", "--config", members.clock.config]);
  expect(told(theirs)[anna.peerId]).toMatch(/2 h 0 min behind this node's/);
  expectShape(peers, members.model.peerId, members.down.peerId);

  leaver.kill("SIGTERM");
  await leaver.ended();
  const [, [, stopped] = []] = KINDS.at(-1) ?? [];
  const { stdout: farewell } = await runCommand(["doctor", "--config", anna.config]);
  expect(saidOf(await look(), "leaver")).toMatch(stopped ?? "");
  expect(farewell).toMatch(stopped ?? "");
  expect((await runCommand(["status", "--config", anna.config])).stdout).toMatch(stopped ?? "");
  expect(annas.notes.join("\n")).toMatch(stopped ?? "");
});

// --- internal ---

/** A line of the log as its fields say it, in the words of the commands where those join several. */
function inWords(line: string): string {
  const { address, reason, what, msg } = JSON.parse(line);
  if (msg === "could not connect") return `not reached at ${address}: ${reason}`;
  return `${what ?? ""} ${msg} "reason":"${reason}"`;
}

/** What scripts read of each member, whatever is wrong with it. */
function expectShape(peers: Peers, connected: string, unreached: string): void {
  const shape = ["peer", "connected", "direction", "address", "standing", "score", "reason"];
  for (const peer of peers) expect(Object.keys(peer)).toEqual(expect.arrayContaining(shape));
  expect(peers.find(({ peer }) => peer === connected)).toMatchObject({
    ...{ connected: true, direction: "inbound", standing: "full", score: 0.5 },
    address: expect.stringMatching(/^\/ip4\/127.0.0.1\/tcp\/\d+/),
  });
  expect(peers.find(({ peer }) => peer === unreached)).toMatchObject({
    ...{ connected: false, direction: null, address: null, standing: "full", score: 0.5 },
  });
}
