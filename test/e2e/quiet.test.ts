import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { EXIT_CODES } from "../../src/errors.ts";
import { TestProcess } from "../support/child-process.ts";
import { runJson } from "../support/command-line.ts";
import {
  filesBelow,
  filesWithSecrets,
  type Quiet,
  QuietHome,
  secretsIn,
} from "../support/quiet-commands.ts";
import { configure, makeSmallNode } from "../support/small-node.ts";
import { STRACE_WORKS } from "../support/traced.ts";
import { until } from "./testnet-cli.ts";

const CLI = join(import.meta.dirname, "../../src/node/cli.ts");
const WITHOUT_SWITCH = join(import.meta.dirname, "../support/without-switch.ts");
const CAN_BE_NOBODY =
  spawnSync("unshare", ["--user", "--map-user=54321", "true"], { timeout: 10_000 }).status === 0;
/** A testnet's own copies of rows are named; its report, logs and states hold none. */
const ROWS = /\/(data|test|pooled)\.jsonl$/;

const SMALL_TRAINING = ["--run-sequence-max", "32", "--engine-threads", "1"];
const SMALL_TESTNET = [
  ...["--peers", "2", "--rounds", "2", "--steps", "1", "--rank", "2", "--targets", "q,v"],
  ...["--batch-size", "2", "--sequence-max", "32", "--partition", "iid"],
];

/** The commands that work alone, in an order in which each finds what it needs. */
const COMMANDS: readonly (readonly [string, (home: QuietHome) => readonly string[]])[] = [
  ["init", ({ folder }) => ["init", join(folder, "node"), "--network-key"]],
  [
    "doctor",
    ({ folder, data }) => ["doctor", ...configOf(folder), "--data-train", data, ...SMALL_TRAINING],
  ],
  ["doctor without data", ({ folder }) => ["doctor", ...configOf(folder), ...SMALL_TRAINING]],
  [
    "train",
    ({ data, out }) => [
      ...["train", "--data", data, "--test", data, "--out", join(out, "adapter")],
      ...["--steps", "3", "--evaluate-every", "2", ...SMALL_TRAINING],
    ],
  ],
  ["eval", ({ data, out }) => ["eval", "--data", data, "--adapter", join(out, "adapter")]],
  [
    "generate",
    ({ out }) => {
      const adapter = join(out, "adapter");
      return ["generate", "--prompt", "once", "--max-tokens", "4", "--adapter", adapter];
    },
  ],
  [
    "export",
    ({ folder, out }) => {
      const adapter = join(out, "adapter");
      const how = ["--adapter", adapter, "--merged", "--out", join(out, "merged")];
      return ["export", ...configOf(folder), ...how];
    },
  ],
  ["bench engines", () => ["bench", "engines", "--steps", "1", "--seq", "16", "--batch", "1"]],
];

function configOf(folder: string): readonly string[] {
  const config = join(folder, "node", "klatch.yaml");
  return ["--config", config, "--network-listen", "/ip4/127.0.0.1/tcp/0", "--status-port", "0"];
}

/** Nothing left the machine, and nothing was written outside of the places that a user knows of. */
function expectQuiet({ said, trace }: Quiet, home: QuietHome, ...more: readonly string[]): void {
  const { folder, out } = home;
  const places = [out, join(folder, "node"), join(home.home, ".cache/klatch"), ...more];
  const elsewhere = trace.written.filter(
    (path) =>
      !/^\/(dev|proc)\//.test(path) &&
      !places.some((place) => isBelow(place, path) || isBelow(path, place)),
  );

  expect({ beyond: trace.beyond, names: trace.names, elsewhere }).toEqual({
    beyond: [],
    names: [],
    elsewhere: [],
  });
  expect(secretsIn(said)).toEqual([]);
  expect(home.inTemporary()).toEqual([]);
}

function isBelow(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

describe.skipIf(!STRACE_WORKS)(
  "what leaves the machine and what stays on it (needs strace)",
  () => {
    test("of the commands that work alone", async () => {
      const home = new QuietHome();

      for (const [name, args] of COMMANDS) {
        const result = await home.run(args(home));

        // A node without data would not start, and the doctor says so.
        const expected = name === "doctor without data" ? 1 : 0;
        expect(result.code, `${name}: ${result.said}`).toBe(expected);
        expectQuiet(result, home);
        expect(result.trace.listening, name).toEqual([]);
      }
      expect(home.openToOthers(home.out).slice(1)).toEqual([]);
      expect(home.openToOthers(join(home.folder, "node"))).toEqual([]);
      expect(home.openToOthers(join(home.home, ".cache/klatch"))).toEqual([]);
      expect(filesWithSecrets([...filesBelow(home.out), ...filesBelow(home.home)])).toEqual([]);
    });

    test("of a testnet, in a folder that is named and in one of its own", async () => {
      const home = new QuietHome();
      const [folder, report] = [join(home.out, "net"), join(home.out, "report")];
      const args = ["testnet", "run", "--data", home.data, ...SMALL_TESTNET];

      const named = await home.run([...args, "--folder", folder, "--report", report]);
      expect(named.code, named.said).toBe(0);
      expectQuiet(named, home);
      expect(home.openToOthers(folder)).toEqual([]);
      expect(home.openToOthers(report)).toEqual([]);
      const written = filesBelow(home.out).filter((path) => !ROWS.test(path));
      expect(filesWithSecrets(written)).toEqual([]);

      const scratch = join(home.home, ".cache/klatch/scratch");
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        const ended = home.start(args);
        await until(() => work(scratch).some((path) => path.endsWith("log.txt")), "peers at work");
        ended.kill(signal);
        await ended.ended();
        expect(home.inTemporary()).toEqual([]);
        expect(work(scratch).length > 0).toBe(signal === "SIGKILL");
      }
      const again = await home.run(args);
      expect(again.code, again.said).toBe(0);
      expectQuiet(again, home);
      expect(work(scratch)).toEqual([]);
    });

    test("of two nodes that mix two rounds, at the finest log level", async () => {
      const home = new QuietHome();
      const [a, b] = [await makeSmallNode("rivers"), await makeSmallNode("lakes")];
      const run = { members: [a, b], rounds: 2 };
      const change = { data: { train: [home.data] }, log: { level: "trace", format: "json" } };
      configure(a, run, change);
      const first = home.start(["start", "--config", a.config]);
      const address = await first.line((line) => line.startsWith("address"));
      const bootstrap = [address.replace(/^address +/, "")];
      const listen = ["/ip4/127.0.0.1/tcp/0"];
      configure(b, run, { ...change, network: { listen, bootstrap } });

      const second = await home.run(["start", "--config", b.config, "--exit-when-finished"]);
      const url = String(JSON.parse(readFileSync(join(a.dataDir, "status.json"), "utf8")).url);
      const shown = ["status", "peers", "rounds", "metrics"].map(async (page) =>
        (await fetch(`${url}/${page}`)).text(),
      );
      expect(secretsIn((await Promise.all(shown)).join())).toEqual([]);
      const rounds = (await runJson(["rounds", "--config", a.config])) as readonly object[];
      expect(rounds.filter((round) => "mixed" in round)).toHaveLength(2);
      first.kill("SIGUSR1");
      first.kill("SIGTERM");
      expect((await first.ended()).code, first.stderr).toBe(0);

      const trace = first.trace();
      expectQuiet({ code: 0, said: first.stdout + first.stderr, trace }, home, a.folder);
      expectQuiet(second, home, b.folder);
      // The wire and the status endpoint; no inspector.
      expect(trace.listening).toHaveLength(2);
      expect(trace.listening.every((at) => at.startsWith("127.0.0.1:"))).toBe(true);
      expect(first.stderr).toContain('"level":"debug"');
      for (const { dataDir } of [a, b]) {
        expect(home.openToOthers(dataDir)).toEqual([]);
        expect(filesWithSecrets(filesBelow(dataDir))).toEqual([]);
      }
    });

    test("with the switch taken out, all of it is seen (control)", async () => {
      const home = new QuietHome();
      const out = join(home.out, "adapter");
      const child = home.start(
        ["train", "--data", home.data, "--out", out, "--steps", "100000", ...SMALL_TRAINING],
        { NODE_OPTIONS: `--import=${WITHOUT_SWITCH}` },
      );
      await until(() => child.trace().names.length > 0, "the collector's name is asked for");
      child.kill("SIGTERM");
      await child.ended();

      const { beyond, names, written } = child.trace();
      expect(beyond.every((target) => target.endsWith(":53"))).toBe(true);
      expect(names).toContain("mobile.events.data.microsoft.com");
      const files = written.filter((path) => /deviceid|onnxruntime\.db$|mat-debug/.test(path));
      expect(files.length).toBeGreaterThanOrEqual(3);
    });
  },
);

describe.skipIf(!CAN_BE_NOBODY)("a user without a home folder (needs user namespaces)", () => {
  const nobody = (args: readonly string[], folder: string) =>
    new TestProcess(
      "--user",
      ["--map-user=54321", process.execPath, CLI, ...args],
      {
        TMPDIR: folder,
      },
      "unshare",
    );

  test("can train, evaluate and look", async () => {
    const home = new QuietHome();
    const adapter = join(home.out, "adapter");
    for (const args of [
      ["train", "--data", home.data, "--out", adapter, "--steps", "2", ...SMALL_TRAINING],
      ["eval", "--data", home.data, "--adapter", adapter],
      ["doctor", "--data-train", home.data, "--data-dir", home.out, "--status-port", "0"],
    ]) {
      const child = nobody(args, home.temporary);
      const { code } = await child.ended();
      expect(child.stderr).not.toMatch(/HOME|homedir|at .*\.ts:/);
      // The doctor has found no identity.
      expect(code, child.stderr).toBe(args[0] === "doctor" ? 1 : 0);
    }
  });

  test("is told which option names a cache, where one is needed", async () => {
    const home = new QuietHome();
    const hub = nobody(["eval", "--model", "some-lab/tiny", "--data", home.data], home.temporary);
    const net = nobody(["testnet", "run", "--data", home.data, ...SMALL_TESTNET], home.temporary);

    expect((await hub.ended()).code).toBe(EXIT_CODES.usage);
    expect(hub.stderr).toContain("name a folder with --cache or KLATCH_CACHE");
    expect((await net.ended()).code).toBe(EXIT_CODES.usage);
    expect(net.stderr).toContain("name a folder: --folder FOLDER, or KLATCH_CACHE");
  });
});

function work(scratch: string): readonly string[] {
  mkdirSync(scratch, { recursive: true });
  return filesBelow(scratch).filter((path) => path.includes("/work-"));
}
