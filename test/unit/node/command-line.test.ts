import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { parse } from "yaml";
import { loadConfig } from "../../../src/node/config/load.ts";
import { ATTACK_NAMES } from "../../../testnet/index.ts";
import { runCommand, runJson } from "../../support/command-line.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const COMMANDS = [
  "init",
  "start",
  "status",
  "top",
  "peers",
  "rounds",
  "runs",
  "train",
  "doctor",
  "eval",
  "generate",
  "predict",
  "export",
  "verify",
  "bench",
  "testnet",
  "service",
  "completion",
];

interface Init {
  readonly peerId: string;
  readonly identity: string;
  readonly config: string;
}

describe("the command line", () => {
  test("help names every command and goes to standard output", async () => {
    const { code, stdout, stderr } = await runCommand(["--help"]);

    expect([code, stderr]).toEqual([0, ""]);
    for (const name of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${name} `, "m"));
  });

  test.each(COMMANDS)("klatch %s --help says what it does", async (name) => {
    const { code, stdout } = await runCommand([name, "--help"]);

    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: klatch ${name}`);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  test("short flags are named as the long ones are, with what they take", async () => {
    const { stdout } = await runCommand(["train", "--help"]);

    expect(stdout).toMatch(/^ {2}--micro-batch <n> +short for --engine-micro-batch$/m);
    expect(stdout).toMatch(/^ {2}--threads <n> +short for --engine-threads$/m);
  });

  test("`klatch help COMMAND` is its --help, and one that there is not is named", async () => {
    for (const words of [["start"], ["testnet", "run"], []]) {
      const [asked, flagged] = [
        ["help", ...words],
        [...words, "--help"],
      ];
      expect(await runCommand(asked)).toEqual(await runCommand(flagged));
    }
    expect(await runCommand(["help", "strat"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("start"),
    });
  });

  test("help names defaults, choices and what has to be given", async () => {
    const of = async (...words: string[]) =>
      (await runCommand([...words, "--help"])).stdout.replace(/\s+/g, " ");

    expect(await of("start")).toContain(
      "Rounds of train, exchange, mix. (1 to 1000000; default: 50)",
    );
    const testnet = await of("testnet", "run");
    expect(testnet).toContain("(default: cs-plus)");
    for (const name of ATTACK_NAMES) expect(testnet).toContain(`"${name}"`);
    for (const [name, flag] of [
      ["train", "--out"],
      ["eval", "--data"],
      ["generate", "--prompt"],
      ["export", "--out"],
    ] as const) {
      expect(await of(name)).toMatch(new RegExp(`${flag} <[^>]+>[^-]*\\(required\\)`));
    }
    expect(testnet).toMatch(/--data <path>[^-]*\(default: bundled\)/);
  });

  test("the version is the package's", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };

    expect((await runCommand(["--version"])).stdout).toBe(`${version}\n`);
  });

  test.each([
    [["statsu"], "status"],
    [["status", "--jsno"], "--json"],
    [["start", "--run-round", "3"], "--run-rounds"],
    [["eval", "--modle", "x"], "--model"],
    [["testnet", "rnu"], "run"],
    [["bench", "train", "--shap", "1"], "--shape"],
  ])("%j exits 2 and suggests %s", async (args, suggestion) => {
    const { code, stdout, stderr } = await runCommand(args);

    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("error: unknown");
    expect(stderr).toContain(suggestion);
  });

  test.each([
    [["generate"], 2, "--prompt"],
    [["eval"], 2, "--data"],
    [["export"], 2, "--out"],
    [["testnet", "run", "--peers", "1"], 2, "--peers"],
    [["generate", "--prompt", "x", "--seed", "-1"], 2, "whole number"],
    [["bench", "train", "--shape", "1,2"], 2, "six sizes"],
    [["bench", "engines", "--engines", "onnx:cpu,none"], 2, "onnx:webgpu"],
    [["start", "--run-rounds", "0"], 2, "run.rounds"],
    [["doctor", "--engine", "none"], 2, "engine.name"],
    [["generate", "--engine", "none", "--prompt", "x"], 2, "onnx:webgpu"],
    [["start", "--config", "/nowhere/klatch.yaml"], 2, "/nowhere/klatch.yaml"],
    [["eval", "--model", "/nowhere", "--data", "x"], 3, "/nowhere"],
  ])(
    "%j exits %d in one line with a hint, and in JSON when asked",
    async (args, expected, text) => {
      const { code, stdout, stderr } = await runCommand([...args, "--json"]);

      expect(code).toBe(expected);
      expect(stderr).toContain(text);
      expect(stderr).not.toContain("    at ");
      expect(stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
      const { error } = JSON.parse(stdout) as { error: { message: string; hint: string } };
      expect(error).toMatchObject({ code: expected === 2 ? "usage" : "data" });
      expect(`${error.message} ${error.hint}`).toContain(text);
    },
  );

  test("an unknown key of the environment is an error too", async () => {
    vi.stubEnv("KLATCH_STATUS_PROT", "1");
    onTestFinished(() => void vi.unstubAllEnvs());
    const { code, stderr } = await runCommand(["status"]);

    expect(code).toBe(2);
    expect(stderr).toContain("KLATCH_STATUS_PORT");
  });

  test("without a running node, status says so and exits 5", async () => {
    const { code, stderr } = await runCommand(["status", "--url", "http://127.0.0.1:9", "--json"]);

    expect(code).toBe(5);
    expect(stderr).toContain("no node answers at http://127.0.0.1:9");
  });
});

describe("klatch init", () => {
  test("writes the budget and the link that it is told, and nothing where they say nothing", async () => {
    const folder = temporaryFolder();
    const terms = ["--bytes-per-round", "64KiB", "--link", "10Mbit"];
    const { config } = await runJson<Init>(["init", folder, ...terms]);

    const { run, network } = loadConfig({ file: config });
    expect([run.bytesPerRound, network.link]).toEqual([65_536, 10_000_000]);

    const other = temporaryFolder();
    const { code, stderr } = await runCommand(["init", other, "--bytes-per-round", "10Mbit"]);
    expect(code).toBe(2);
    expect(stderr).toContain("run.bytesPerRound: expected bytes such as 64KiB");
    expect(existsSync(join(other, "klatch.yaml"))).toBe(false);
    // control
    const plain = await runJson<Init>(["init", other]);
    expect(loadConfig({ file: plain.config }).run.bytesPerRound).toBeNull();
  });

  test("writes a network key on request and names it in the configuration", async () => {
    const folder = temporaryFolder();

    const { networkKey } = await runJson<{ networkKey: string }>(["init", folder, "--network-key"]);

    expect(statSync(networkKey).mode & 0o777).toBe(0o600);
    expect(loadConfig({ file: join(folder, "klatch.yaml") }).network.networkKeyFile).toBe(
      networkKey,
    );
  });

  test("writes an identity for its owner only and a configuration that starts with it", async () => {
    const folder = join(temporaryFolder(), "node");
    const { peerId, identity, config } = await runJson<Init>(["init", folder]);

    expect(peerId).toMatch(/^12D3KooW/);
    expect((statSync(identity).mode & 0o777).toString(8)).toBe("600");
    expect((statSync(join(folder, ".klatch")).mode & 0o777).toString(8)).toBe("700");
    const text = readFileSync(config, "utf8");
    expect(parse(text)).toMatchObject({ run: { members: [peerId] } });
    expect(text).toContain("# Rounds of train, exchange, mix.");
  });

  test("prints the peer id and the next command, and overwrites nothing", async () => {
    const folder = temporaryFolder();
    const first = await runCommand(["init", folder]);
    const files = ["klatch.yaml", ".klatch/identity.json"].map((name) => join(folder, name));
    const before = files.map((file) => readFileSync(file, "utf8"));

    const second = await runCommand(["init", folder]);

    expect(first.stdout).toMatch(/peer id +12D3KooW/);
    expect(first.stdout).toContain("klatch start --config");
    expect(second.code).toBe(2);
    expect(second.stderr).toContain("nothing was changed");
    expect(files.map((file) => readFileSync(file, "utf8"))).toEqual(before);
  });

  test("keeps an identity that is there and adds the configuration that is not", async () => {
    const folder = temporaryFolder();
    const first = await runJson<Init>(["init", folder]);
    const config = join(folder, "klatch.yaml");
    writeFileSync(config, "");
    expect((await runCommand(["init", folder])).code).toBe(2);

    const other = temporaryFolder();
    await runCommand(["init", other]);
    expect(existsSync(join(other, "klatch.yaml"))).toBe(true);
    expect((await runJson<Init>(["init", temporaryFolder()])).peerId).not.toBe(first.peerId);
  });
});

describe("klatch start refuses, before anything is trained", () => {
  test("without an identity", async () => {
    const { code, stderr } = await runCommand([
      "start",
      "--data-dir",
      join(temporaryFolder(), "none"),
    ]);

    expect(code).toBe(6);
    expect(stderr).toContain("klatch init");
  });

  test("with an identity that others may read", async () => {
    const folder = temporaryFolder();
    const { identity, config } = await runJson<Init>(["init", folder]);
    chmodSync(identity, 0o644);

    const { code, stderr } = await runCommand(["start", "--config", config]);

    expect(code).toBe(6);
    expect(stderr).toContain("chmod 600");
  });

  test("without data, or when it is no member of the run", async () => {
    const folder = temporaryFolder();
    const { config } = await runJson<Init>(["init", folder]);
    const other = await runJson<Init>(["init", temporaryFolder()]);

    const noData = await runCommand(["start", "--config", config]);
    const args = ["--data-train", "x.jsonl", "--run-members", other.peerId];
    const noMember = await runCommand(["start", "--config", config, ...args]);

    expect([noData.code, noMember.code]).toEqual([2, 2]);
    expect(noData.stderr).toContain("data.train is empty");
    expect(noMember.stderr).toContain("not among run.members");
  });
});
