import { cpSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import {
  createNetwork,
  type FileLender,
  loadIdentity,
  type Network,
  networkConfigSchema,
} from "../../src/gossip/index.ts";
import { Desk } from "../../src/node/admission/desk.ts";
import type { JoinedRun } from "../../src/node/admission/join-run.ts";
import { loadConfig } from "../../src/node/config/load.ts";
import { identityFile } from "../../src/node/folders/data-folder.ts";
import { bundledModel } from "../../src/node/folders/package-folder.ts";
import { silentLogger } from "../../src/node/process/logger.ts";
import type { NodeStatus } from "../../src/node/records/records.ts";
import { lentModel } from "../../src/node/sharing/run-model.ts";
import { freePorts } from "../../testnet/processes/free-ports.ts";
import { runJson } from "../support/command-line.ts";
import { startCli } from "../support/klatch-cli.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const networks: Network[] = [];

afterEach(async () => {
  await Promise.all(networks.splice(0).map((network) => network.stop()));
});

interface Created {
  readonly peerId: string;
  readonly tickets: readonly string[];
  readonly config: string;
  readonly sharedModel: { readonly files: number; readonly bytes: number };
}

const SMALL = [
  ...["--run-batch-size", "4", "--run-sequence-max", "48", "--run-rounds", "2", "--run-steps", "2"],
  ...["--run-adapter-rank", "2", "--run-adapter-targets", "q,v"],
];
const own = (port: number | undefined): string[] => [
  ...["--network-listen", `/ip4/127.0.0.1/tcp/${port}`, "--status-port", "0", "--threads", "1"],
  ...["--timing-commit-grace-ms", "20000", "--timing-linger-ms", "0", "--log-format", "json"],
];

/** A run of two whose creator has its model in a folder, and what somebody else types to join it. */
async function createdRun() {
  const place = temporaryFolder();
  const model = join(place, "our-model");
  cpSync(bundledModel(), model, { recursive: true });
  const data = join(place, "rows.jsonl");
  const rows = Array.from({ length: 24 }, (_, row) =>
    JSON.stringify({ prompt: `question ${row}`, completion: `answer ${row % 5}` }),
  );
  writeFileSync(data, `${rows.join("\n")}\n`);
  const [first, second] = await freePorts(2);
  const created = await runJson<Created>([
    ...[
      "run",
      "create",
      join(place, "creator"),
      "--name",
      "waters",
      "--seats",
      "2",
      "--data",
      data,
    ],
    ...["--model", model, "--no-trial", ...SMALL, ...own(first)],
  ]);
  const joiner = join(place, "joiner");
  const typed = [
    "join",
    created.tickets[0] ?? "",
    joiner,
    "--data",
    data,
    ...own(second),
    "--json",
  ];
  return { created, typed, joiner, port: first };
}

/** The creator's node in this process, which a test can hold in the middle of a file. */
async function host({ config: file }: Created, port: number, hold: (offset: number) => unknown) {
  const config = loadConfig({ file });
  const { dataDir } = config;
  const log = silentLogger();
  const identity = await loadIdentity(identityFile(dataDir));
  const desk = Desk.of({ dataDir, identity, log });
  const lender = lentModel(config, dataDir, desk, log) as FileLender;
  const files: FileLender = {
    files: lender.files,
    isFor: (peer) => lender.isFor(peer),
    open: async (digest) => {
      const found = await lender.open(digest);
      return (
        found && {
          byteLength: found.byteLength,
          read: async (offset, length) => {
            await hold(offset);
            return found.read(offset, length);
          },
        }
      );
    },
  };
  const listen = [`/ip4/127.0.0.1/tcp/${port}`];
  const network = await createNetwork(networkConfigSchema.parse({ listen }), {
    ...{ key: identity.key, visits: true, files },
    ...(desk && { admission: desk.answer }),
  });
  networks.push(network);
  network.onAnnouncement(() => ({ verdict: "ignore", reason: "other-run" }));
  await network.start();
}

test("a join that is killed in the middle of the model goes on where it was", async () => {
  const { created, typed, joiner, port = 0 } = await createdRun();
  const isHalf = Promise.withResolvers<void>();
  let isHeld = true;
  await host(created, port, (offset) => {
    if (offset === 0 || !isHeld) return;
    isHalf.resolve();
    return new Promise(() => undefined);
  });
  const killed = startCli(typed);
  await Promise.race([isHalf.promise, killed.ended().then(() => isHalf.reject(killed.stderr))]);
  killed.kill("SIGKILL");
  await killed.ended();
  expect(killed.stderr).toContain("fetches the model from the peers: 4 files");
  expect(existsSync(join(joiner, "klatch.yaml"))).toBe(false);
  isHeld = false;

  const again = startCli(typed);
  expect((await again.ended()).code, again.stderr).toBe(0);
  const { model, state } = JSON.parse(again.stdout) as JoinedRun;
  const { bytes } = created.sharedModel;
  // config.json came whole before the weights, of which one chunk had come
  const config = statSync(join(model.name, "config.json")).size;
  expect(model).toMatchObject({ from: "peers", fetched: { bytes, from: [created.peerId] } });
  expect(model.fetched?.received).toBe(bytes - config - 2 ** 20);
  expect([state, again.stderr]).toEqual([
    "sealed",
    expect.stringContaining("1.0 MiB are here from before"),
  ]);
});

test("two organisations train on the model that one of them had, from its running node", async () => {
  const { created, typed } = await createdRun();
  const creator = startCli(["start", "--config", created.config, "--exit-when-finished", "--json"]);
  await creator.line((line) => line.includes('"msg":"listening"'));
  // takes the last seat: the door closes, and the node behind it gives the model
  const joined = await runJson<JoinedRun>(typed.slice(0, -1));
  expect(joined).toMatchObject({ state: "sealed", model: { from: "peers" } });
  const { name } = joined.model;
  expect(readFileSync(join(name, "config.json"))).toEqual(
    readFileSync(join(bundledModel(), "config.json")),
  );

  const other = startCli(["start", "--config", joined.config, "--exit-when-finished", "--json"]);
  const results = await Promise.all(
    [creator, other].map(async (node) => {
      expect((await node.ended()).code, node.stderr).toBe(0);
      return (JSON.parse(node.stdout) as { status: NodeStatus }).status;
    }),
  );
  expect(new Set(results.map(({ run }) => run)).size).toBe(1);
  expect(new Set(results.map(({ model }) => model.digest)).size).toBe(1);
  for (const { mixedRounds } of results) expect(mixedRounds).toBeGreaterThanOrEqual(1);
});
