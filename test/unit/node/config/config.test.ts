import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseDocument } from "yaml";
import { KlatchError } from "../../../../src/errors.ts";
import { configFields } from "../../../../src/node/config/fields.ts";
import { type ConfigSources, loadConfig, parseConfig } from "../../../../src/node/config/load.ts";
import { configTemplate } from "../../../../src/node/config/template.ts";
import { learningRateOf } from "../../../../src/training/index.ts";
import { ADAPTER_KINDS } from "../../../../src/types.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { PEERS } from "../node-samples.ts";

function refusal(sources: ConfigSources): KlatchError {
  try {
    loadConfig({ cwd: temporaryFolder(), ...sources });
  } catch (error) {
    if (error instanceof KlatchError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("precedence", () => {
  test("defaults give way to the file, the file to the environment, the environment to flags", () => {
    const folder = temporaryFolder();
    const text = "run: { rounds: 11, steps: 12, batchSize: 13 }";
    writeFileSync(join(folder, "klatch.yaml"), text);

    const { run } = loadConfig({
      cwd: folder,
      env: { KLATCH_RUN_STEPS: "22", KLATCH_RUN_BATCH_SIZE: "23", HOME: "/nowhere" },
      flags: { "run.batchSize": "33" },
    });

    expect(run.rounds).toBe(11);
    expect(run.steps).toBe(22);
    expect(run.batchSize).toBe(33);
    expect(run.rule).toBe("cs-plus");
  });

  test("a JSON file does as well, and KLATCH_CONFIG names it", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "node.json"), '{"status": {"port": 0}}');

    const config = loadConfig({ cwd: folder, env: { KLATCH_CONFIG: "node.json" } });

    expect(config.status.port).toBe(0);
  });

  test("paths in the file start at its folder, paths in flags at the shell's", () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "etc"));
    writeFileSync(join(folder, "etc", "klatch.yaml"), "dataDir: state\ndata: {train: [a.jsonl]}");

    const config = loadConfig({
      cwd: folder,
      file: "etc/klatch.yaml",
      flags: { "data.test": "b.jsonl,/c.jsonl" },
    });

    expect(config.dataDir).toBe(join(folder, "etc", "state"));
    expect(config.data.train).toEqual([join(folder, "etc", "a.jsonl")]);
    expect(config.data.test).toEqual([join(folder, "b.jsonl"), "/c.jsonl"]);
  });

  test("a text becomes what its key needs: number, boolean, list, auto", () => {
    const config = loadConfig({
      cwd: temporaryFolder(),
      env: {
        KLATCH_RUN_OPTIMIZER_LEARNING_RATE: "1e-4",
        KLATCH_GATE_ENABLED: "false",
        KLATCH_RUN_MEMBERS: JSON.stringify(PEERS),
        KLATCH_RUN_ATTACKERS_MAX: "2",
      },
    });

    expect(config.run.optimizer.learningRate).toBe(0.0001);
    expect(config.gate.enabled).toBe(false);
    expect(config.run.members).toEqual(PEERS);
    expect(config.run.attackersMax).toBe(2);
    expect(loadConfig({ cwd: temporaryFolder() }).run.attackersMax).toBe("auto");
  });

  test("each adapter method has a step size of its own, unless one is given", () => {
    const rate = (kind: string, learningRate?: number) =>
      learningRateOf(
        parseConfig({ run: { adapter: { kind }, optimizer: { learningRate } } }, "/").run,
      );

    expect(rate("lora")).toBe(0.003);
    expect(rate("prompt")).toBeGreaterThan(rate("lora"));
    expect(rate("prompt", 0.02)).toBe(0.02);
    for (const kind of ADAPTER_KINDS) expect(rate(kind)).toBeGreaterThan(0);
  });

  test("the result is frozen throughout", () => {
    const config = loadConfig({ cwd: temporaryFolder() });

    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.run.optimizer)).toBe(true);
    expect(Object.isFrozen(config.network.listen)).toBe(true);
  });
});

describe("refusals", () => {
  test.each([
    ["an unknown flag key", { flags: { "run.bachSize": "1" } }, "run.batchSize"],
    ["a key in the wrong section", { flags: { "run.heldOutShare": "1" } }, "data.heldOutShare"],
    ["an unknown variable", { env: { KLATCH_RUN_ROUND: "1" } }, "KLATCH_RUN_ROUNDS"],
  ])("%s is refused with the nearest known name", (_, sources, suggestion) => {
    const error = refusal(sources);

    expect(error.code).toBe("usage");
    expect(error.hint).toContain(suggestion);
  });

  test("an unknown key of the file is refused by its full name", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "klatch.yaml"), "run:\n  roundz: 5\n");

    const error = refusal({ cwd: folder });

    expect(error.message).toBe("klatch.yaml: unknown key run.roundz");
    expect(error.hint).toBe("did you mean run.rounds?");
  });

  test.each([
    ["run.rounds", "0"],
    ["run.rounds", "1.5"],
    ["run.rounds", "many"],
    ["run.rounds", ""],
    ["run.rounds", "1e99"],
    ["run.optimizer.beta1", "1"],
    ["run.topology", "star"],
    ["run.adapter.targets", "q, x"],
    ["run.members", "alice"],
    ["run.members", `${PEERS[0]},${PEERS[0]}`],
    ["gate.enabled", "yes"],
    ["status.port", "65536"],
    ["data.heldOutShare", "0.9"],
    ["network.listen", "localhost:80"],
  ])("%s = %j is refused with the key's name", (key, text) => {
    const error = refusal({ flags: { [key]: text } });

    expect(error.code).toBe("usage");
    expect(error.message).toContain(key);
  });

  test("no model is not the folder where one stands", () => {
    expect(refusal({ flags: { model: "" } }).message).toMatch(/^command line: model: /);
  });

  test("a refusal says what would do", () => {
    const rate = refusal({ flags: { "run.optimizer.learningRate": "nan" } });

    expect(rate.message).toContain("expected auto, or a number above 0 and at most 1");
    expect(refusal({ flags: { "engine.threads": "x" } }).hint).toMatch(/\(0 to 256\)$/);
  });

  test("a refused value names where it came from", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "klatch.yaml"), "run: { rounds: 0 }");
    const from = (sources: ConfigSources) => refusal({ cwd: folder, ...sources }).message;

    expect(from({})).toMatch(/^klatch\.yaml: run\.rounds: /);
    expect(from({ env: { KLATCH_RUN_ROUNDS: "0" } })).toMatch(/^environment: run\.rounds: /);
    expect(from({ flags: { "run.rounds": "0" } })).toMatch(/^command line: run\.rounds: /);
  });

  test("a file that is named and missing, or no YAML, is refused; nobody asked for klatch.yaml", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "bad.yaml"), "run: {rounds: 1\nsteps: [");
    writeFileSync(join(folder, "list.yaml"), "- a\n");
    writeFileSync(join(folder, "twice.yaml"), "model: a\nmodel: b\n");

    expect(refusal({ cwd: folder, file: "missing.yaml" }).message).toContain("missing.yaml");
    expect(refusal({ cwd: folder, file: "bad.yaml" }).message).toMatch(/bad\.yaml:[0-9]+: /);
    expect(refusal({ cwd: folder, file: "list.yaml" }).message).toContain("holds no keys");
    expect(refusal({ cwd: folder, file: "twice.yaml" }).message).toContain("twice.yaml:2");
    expect(() => loadConfig({ cwd: folder })).not.toThrow();
  });
});

describe("the fields", () => {
  test("each has a description, and variables and flags of its own", () => {
    const fields = configFields();
    const distinct = (name: "key" | "variable" | "flag") =>
      new Set(fields.map((field) => field[name])).size;

    expect(fields.length).toBeGreaterThan(60);
    expect(distinct("variable")).toBe(fields.length);
    expect(distinct("flag")).toBe(fields.length);
    expect(fields.filter(({ description }) => !/[.…]$/.test(description))).toEqual([]);
  });

  test("every default is within its own bounds", () => {
    const tree = Object.fromEntries(
      configFields().map(({ variable, default: value }) => [variable, value]),
    );
    const env = Object.fromEntries(
      Object.entries(tree)
        .filter(([, value]) => ["number", "boolean"].includes(typeof value))
        .map(([variable, value]) => [variable, String(value)]),
    );

    expect(loadConfig({ cwd: "/", env })).toEqual(loadConfig({ cwd: "/" }));
  });

  test("the template shows every key, and reads back as the defaults and what was set", () => {
    const text = configTemplate({ "run.members": [PEERS[0]] });
    const uncommented = text.replace(/^( *)# ([a-z][A-Za-z0-9]*:( |$)|- )/gm, "$1$2");
    const read = (source: string) => parseConfig(stripNulls(parseDocument(source).toJS()), "/");

    expect(read(text).run.members).toEqual([PEERS[0]]);
    expect(read(text)).toEqual(parseConfig({ run: { members: [PEERS[0]] } }, "/"));
    expect(read(uncommented)).toEqual(read(text));
    for (const { key } of configFields()) expect(text).toContain(`${key.split(".").at(-1)}:`);
  });
});

/** Sections without a value read as null. */
function stripNulls(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) =>
      inner === null ? [] : [[key, stripNulls(inner)]],
    ),
  );
}
