import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { NodeStatus, RoundRecord } from "../../src/node/records/records.ts";
import type { TestProcess } from "../support/child-process.ts";
import { runCommand, runJson } from "../support/command-line.ts";
import { startCli } from "../support/klatch-cli.ts";
import { configure, makeSmallNode, type SmallNode } from "../support/small-node.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** The last line of what a node prints when it has started. */
const isStarted = (line: string): boolean => line.startsWith("rounds ");

const start = (node: SmallNode, ...flags: string[]): TestProcess =>
  startCli(["start", "--config", node.config, ...flags]);

/** A node that trains alone, so that a test is about the node and not about others. */
async function loneNode(rounds: number, change: object = {}): Promise<SmallNode> {
  const node = await makeSmallNode("rivers");
  configure(node, { members: [node], rounds }, change);
  return node;
}

/** Rounds of a finished node, from its own store. */
async function roundsOf(node: SmallNode, run: string): Promise<readonly RoundRecord[]> {
  const { openStore } = await import("../../src/node/store/store.ts");
  const store = openStore(node.dataDir);
  try {
    return store.rounds(run, 1000);
  } finally {
    store.close();
  }
}

describe("two nodes", () => {
  test("train together, show it, end by themselves, and leave an adapter to use", async () => {
    const [a, b] = [await makeSmallNode("rivers"), await makeSmallNode("mountains")];
    const run = { members: [a, b], rounds: 4 };
    configure(a, run);
    const first = start(a);
    const address = await first.line((line) => line.startsWith("address"));
    await first.line(isStarted);
    const bootstrap = [address.replace(/^address +/, "")];
    configure(b, run, { network: { listen: ["/ip4/127.0.0.1/tcp/0"], bootstrap } });
    const second = start(b, "--exit-when-finished", "--json");

    expect((await second.ended()).code, second.stderr).toBe(0);
    const result = JSON.parse(second.stdout) as { finished: boolean; status: NodeStatus };
    expect(result).toMatchObject({ finished: true, status: { round: 4, peerId: b.peerId } });

    const status = await runJson<NodeStatus>(["status", "--config", a.config]);
    const peers = await runJson<NodeStatus["peers"]>(["peers", "--config", a.config]);
    const rounds = await runJson<RoundRecord[]>(["rounds", "--config", a.config]);
    expect(status).toMatchObject({ run: result.status.run, peerId: a.peerId });
    expect(peers.map(({ peer }) => peer)).toEqual([b.peerId]);
    expect(rounds.flatMap(({ mixed }) => mixed.map(({ peer }) => peer))).toContain(b.peerId);

    first.kill("SIGTERM");
    expect((await first.ended()).code, first.stderr).toBe(0);
    expect(first.stdout).toContain(`peer id    ${a.peerId}`);
    expect(first.stdout).toContain("certified for 0 attackers among 2 members");
    expect(first.stdout).toMatch(/data +\d+ examples to train on, \d+ held out/);
    await expectUsefulAdapter(a);
  });
});

/** Exports a node's adapter, evaluates and generates with it. */
async function expectUsefulAdapter({ config, data }: SmallNode): Promise<void> {
  const out = join(temporaryFolder(), "adapter");
  const exported = await runJson<{ rounds: number }>(["export", "--config", config, "--out", out]);
  expect(exported.rounds).toBeGreaterThanOrEqual(3);
  expect(existsSync(join(out, "adapter_model.safetensors"))).toBe(true);

  const evaluate = ["eval", "--data", data];
  const base = await runJson<{ loss: number }>(evaluate);
  const tuned = await runJson<{
    loss: number;
    perplexity: number;
    exactMatch: number;
    tokens: number;
  }>([...evaluate, "--adapter", out]);
  expect(tuned.loss).toBeLessThan(base.loss);
  expect(tuned.perplexity).toBeCloseTo(Math.exp(tuned.loss), 4);
  expect(tuned.tokens).toBeGreaterThan(0);

  const prompt = ["generate", "--prompt", "question 1 about rivers", "--max-tokens", "8"];
  const [once, again] = [
    await runJson<{ text: string }>([...prompt, "--adapter", out]),
    await runJson<{ text: string }>([...prompt, "--adapter", out]),
  ];
  expect(once).toEqual({ text: expect.any(String) });
  expect(again).toEqual(once);
}

describe("a node", () => {
  test("that is killed in the middle goes on with the same optimiser state: the rounds are those of a node that was not", async () => {
    const rounds = 12;
    const [killed, whole] = [await loneNode(rounds), await loneNode(rounds)];
    const first = start(killed);
    await first.line(isStarted);
    await poll(
      async () => (await runJson<unknown[]>(["rounds", "--config", killed.config])).length >= 3,
    );
    first.kill("SIGKILL");
    expect((await first.ended()).signal).toBe("SIGKILL");

    const resumed = start(killed, "--exit-when-finished", "--json");
    expect((await resumed.ended()).code, resumed.stderr).toBe(0);
    const control = start(whole, "--exit-when-finished", "--json");
    expect((await control.ended()).code, control.stderr).toBe(0);

    const losses = async (node: SmallNode, { stdout }: TestProcess) => {
      const { status } = JSON.parse(stdout) as { status: NodeStatus };
      return (await roundsOf(node, status.run)).map(({ round, trainLoss, heldOutLoss }) => ({
        round,
        trainLoss,
        heldOutLoss,
      }));
    };
    expect(await losses(killed, resumed)).toEqual(await losses(whole, control));
    expect(await losses(whole, control)).toHaveLength(rounds);
    expect(resumed.stderr).not.toContain("damaged");
  });

  test("stops on the first signal, is unlocked and silent then, and starts again", async () => {
    const node = await loneNode(1000);
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const process = start(node);
      await process.line(isStarted);
      process.kill(signal);

      expect((await process.ended()).code, process.stderr).toBe(0);
      expect(process.stderr).toContain('"msg":"stopped"');
      expect(existsSync(join(node.dataDir, "status.json"))).toBe(false);
      const told = await runJson<NodeStatus>(["status", "--config", node.config]);
      expect(told).toMatchObject({ state: "stopped", peerId: node.peerId, phase: "train" });
    }
  });

  test("keeps a second one out of its folder and from its port, and names itself", async () => {
    // Their one round is over soon: what they do then costs the others nothing.
    const node = await loneNode(1);
    const first = start(node);
    await first.line(isStarted);
    const shown = await first.line((line) => line.startsWith("dashboard"));
    const url = shown.replace(/^dashboard +/, "");
    const other = await loneNode(1, { status: { port: Number(new URL(url).port) } });

    const [inFolder, onPort] = [start(node, "--json"), start(other)];

    expect((await inFolder.ended()).code).toBe(11);
    expect(inFolder.stderr).toContain(`process ${first.child.pid}`);
    expect(JSON.parse(inFolder.stdout)).toMatchObject({ error: { code: "locked" } });
    expect((await onPort.ended()).code).toBe(5);
    expect(onPort.stderr).toContain("port in use");
    // Known before a model is loaded, let alone anything announced.
    expect(onPort.stderr).not.toMatch(/"msg":"(engine|announced)/);
    expect((await runJson<NodeStatus>(["status", "--config", node.config])).peerId).toBe(
      node.peerId,
    );
  });

  test("names the line of its data that is no JSON", async () => {
    const node = await loneNode(3);
    writeFileSync(node.data, '{"prompt":"a","completion":"b"}\n{"prompt": \n');
    const process = start(node);

    expect((await process.ended()).code).toBe(3);
    expect(process.stderr).toContain(`${node.data}:2`);
  });
});

describe("a member that cannot be reached", () => {
  test("is named with address and reason in the log once, by peers and by doctor", async () => {
    const [node, other] = [await makeSmallNode("rivers"), await makeSmallNode("mountains")];
    const bootstrap = [`/ip4/127.0.0.1/tcp/1/p2p/${other.peerId}`];
    const network = { listen: ["/ip4/127.0.0.1/tcp/0"], bootstrap, redialBaseMs: 10 };
    configure(node, { members: [node, other], rounds: 1000 }, { network });
    const lastDial = { address: "/ip4/127.0.0.1/tcp/1", reason: "connection refused" };
    const first = start(node);
    await first.line(isStarted);
    const said = await first.line((line) => line.includes("could not connect"));
    expect(JSON.parse(said)).toMatchObject({ level: "info", peer: other.peerId, ...lastDial });

    const { config } = node;
    const told = `${lastDial.address}: ${lastDial.reason}`;
    const asked = await runJson<NodeStatus["peers"]>(["peers", "--config", config]);
    expect(asked).toEqual([expect.objectContaining({ connected: false, lastDial })]);
    expect((await runCommand(["peers", "--config", config])).stdout).toContain(told);
    const { stdout } = await runCommand(["doctor", "--config", config, "--json"]);
    const { checks } = JSON.parse(stdout) as {
      checks: readonly { name: string; detail: string }[];
    };
    expect(checks.find(({ name }) => name === "peers")?.detail).toBe(
      "0 of 1 bootstrap peers reached",
    );
    expect(checks.find(({ name }) => name.startsWith("member "))?.detail).toBe(
      `${other.peerId} not reached at ${told}`,
    );
    expect(first.notes.filter((line) => line.includes("could not connect"))).toHaveLength(1);
  });
});

describe("klatch doctor", () => {
  test("passes with one real training step where everything is in place, and fails by name where not", async () => {
    const node = await loneNode(3);
    interface Report {
      readonly checks: readonly { name: string; status: string; detail: string; fix: string }[];
    }

    const { checks } = await runJson<Report>(["doctor", "--config", node.config]);
    const names = ["runtime", "model", "data", "engine", "memory", "disk", "clock", "identity"];
    for (const name of names) expect(checks).toContainEqual(expect.objectContaining({ name }));
    expect(checks.find(({ name }) => name === "engine")?.detail).toContain("training step");
    expect(checks.filter(({ status }) => status === "fail")).toEqual([]);

    writeFileSync(node.data, "no json\n");
    const { code, stdout } = await runCommand(["doctor", "--config", node.config, "--json"]);
    const broken = (JSON.parse(stdout) as Report).checks.filter(({ status }) => status === "fail");
    expect(code).toBe(1);
    expect(broken.map(({ name }) => name)).toEqual(["data"]);
    expect(broken[0]?.fix).not.toBe("");
  });
});

/** Waits until a condition holds; the test's own time limit is the deadline. */
async function poll(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}
