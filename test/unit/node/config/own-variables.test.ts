import { describe, expect, onTestFinished, test, vi } from "vitest";
import { configFields } from "../../../../src/node/config/fields.ts";
import { loadConfig } from "../../../../src/node/config/load.ts";
import { ownVariables } from "../../../../src/node/config/own-variables.ts";
import { runCommand } from "../../../support/command-line.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

/** What Kubernetes sets in a pod beside services named klatch and klatch-status. */
const SERVICES = {
  KLATCH_SERVICE_HOST: "10.96.4.7",
  KLATCH_SERVICE_PORT: "7117",
  KLATCH_SERVICE_PORT_P2P: "7117",
  KLATCH_PORT: "tcp://10.96.4.7:7117",
  KLATCH_PORT_7117_TCP: "tcp://10.96.4.7:7117",
  KLATCH_PORT_7117_TCP_PROTO: "tcp",
  KLATCH_PORT_7117_TCP_PORT: "7117",
  KLATCH_PORT_7117_TCP_ADDR: "10.96.4.7",
  KLATCH_STATUS_SERVICE_HOST: "10.96.4.8",
  KLATCH_STATUS_PORT: "tcp://10.96.4.8:8800",
  KLATCH_STATUS_PORT_8800_UDP: "udp://10.96.4.8:8800",
};

describe("variables of services", () => {
  test("are passed over with one line that names them, a key of ours among them", () => {
    const notes: string[] = [];
    const config = loadConfig({
      cwd: temporaryFolder(),
      env: { ...SERVICES, KLATCH_RUN_ROUNDS: "7" },
      note: (sentence) => notes.push(sentence),
    });

    expect(config).toMatchObject({ status: { port: 8800 }, run: { rounds: 7 } });
    expect(notes).toHaveLength(1);
    for (const name of Object.keys(SERVICES)) expect(notes[0]).toContain(name);
    expect(notes[0]).toContain("Kubernetes");
  });

  test("do not hide a key that is set as a key", () => {
    const env: Record<string, string> = { ...SERVICES, KLATCH_STATUS_PORT: "9000" };

    expect(loadConfig({ cwd: temporaryFolder(), env }).status.port).toBe(9000);
  });

  test("have no form that a key of the configuration has", () => {
    for (const { variable } of configFields()) {
      expect(ownVariables({ [variable]: "1" }).passedOver).toBeNull();
    }
  });

  test("leave a misspelt key an error", () => {
    const read = () => loadConfig({ cwd: temporaryFolder(), env: { KLATCH_STATUS_PROT: "1" } });

    expect(read).toThrow("KLATCH_STATUS_PROT");
  });
});

test("an empty variable counts as none, that of the file and of the cache too", async () => {
  const names = configFields().map(({ variable }) => [variable, ""] as const);
  const env = { ...Object.fromEntries(names), KLATCH_CONFIG: "", KLATCH_SPELT_WRONG: "" };
  const cwd = temporaryFolder();

  expect(loadConfig({ cwd, env })).toEqual(loadConfig({ cwd, env: {} }));

  for (const [name, text] of Object.entries(env)) vi.stubEnv(name, text);
  vi.stubEnv("XDG_CACHE_HOME", "/somewhere");
  onTestFinished(() => void vi.unstubAllEnvs());
  const help = await runCommand(["runs", "--data-dir", cwd]);
  expect(help).toMatchObject({ code: 0, stderr: "" });
});

test("commands say what they pass over, on the error stream", async () => {
  for (const [name, text] of Object.entries(SERVICES)) vi.stubEnv(name, text);
  onTestFinished(() => void vi.unstubAllEnvs());

  const { code, stdout, stderr } = await runCommand([
    "runs",
    "--data-dir",
    temporaryFolder(),
    "--json",
  ]);

  expect([code, stdout]).toEqual([0, "[]\n"]);
  expect(stderr).toMatch(/^passed over.*KLATCH_SERVICE_HOST.*\n$/);
});
