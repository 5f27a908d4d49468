import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { EXIT_CODES } from "../../../src/errors.ts";
import { unitFile } from "../../../src/node/service/unit-file.ts";
import { runCommand, runJson } from "../../support/command-line.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const UNIT = {
  ...{ scope: "system" as const, uid: 1234, stopMs: 10_000 },
  command: [process.execPath, "/opt/klatch/cli.js", "start", "--config", "/srv/org/klatch.yaml"],
  ...{ folder: "/srv/org", writable: ["/srv/org", "/srv/cache"] },
};

/** The values of a setting of a unit. */
const valuesOf = (text: string, name: string) =>
  text
    .split("\n")
    .flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []));

const hasVerify = spawnSync("systemd-analyze", ["--version"]).status === 0;

/** What systemd says of a unit. */
function verified(text: string): string {
  const file = join(temporaryFolder(), "klatch-test.service");
  writeFileSync(file, text);
  const { stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", file], {
    encoding: "utf8",
  });
  return stderr
    .split("\n")
    .filter((line) => line.includes("klatch-test"))
    .join("\n");
}

describe("a unit", () => {
  test.each(["system", "user"] as const)(
    "of %s starts the node again after what may pass, and not after what stays",
    (scope) => {
      const text = unitFile({ ...UNIT, scope });
      const [prevented = ""] = valuesOf(text, "RestartPreventExitStatus");

      expect(valuesOf(text, "ExecStart")).toEqual([UNIT.command.join(" ")]);
      expect(valuesOf(text, "Restart")).toEqual(["on-failure"]);
      for (const [code, name] of Object.entries({
        usage: 1,
        data: 1,
        permission: 1,
        network: 0,
        internal: 0,
        memory: 0,
      })) {
        const exit = String(EXIT_CODES[code as keyof typeof EXIT_CODES]);
        expect([code, prevented.split(" ").includes(exit)]).toEqual([code, name === 1]);
      }
      // longer than the node itself takes to stop
      expect(Number(valuesOf(text, "TimeoutStopSec")[0])).toBeGreaterThan(10);
      expect(valuesOf(text, "NoNewPrivileges")).toEqual(["yes"]);
      expect(valuesOf(text, "MemoryDenyWriteExecute")).toEqual([]);
      expect(valuesOf(text, "User")).toEqual(scope === "system" ? ["1234"] : []);
      expect(valuesOf(text, "WantedBy")).toEqual([
        scope === "system" ? "multi-user.target" : "default.target",
      ]);
    },
  );

  test("may write its folders and nothing else", () => {
    const text = unitFile(UNIT);

    expect(valuesOf(text, "ProtectSystem")).toEqual(["strict"]);
    expect(valuesOf(text, "ReadWritePaths")).toEqual(["-/srv/org -/srv/cache"]);
  });

  test("takes paths for what they are", () => {
    const text = unitFile({
      ...UNIT,
      command: ["/bin/node", '/a b/100%/$HOME/"c"'],
      folder: "/a b/100%",
    });

    expect(valuesOf(text, "ExecStart")).toEqual(['/bin/node "/a b/100%%/$$HOME/\\"c\\""']);
    expect(valuesOf(text, "WorkingDirectory")).toEqual(["/a b/100%%"]);
  });

  test.skipIf(!hasVerify)("is one that systemd takes (needs systemd-analyze)", () => {
    const command = [process.execPath, "--version"];
    for (const scope of ["system", "user"] as const) {
      const unit = { ...UNIT, scope, command, folder: "/tmp", writable: ["/tmp/a b"] };
      expect(verified(unitFile(unit))).toBe("");
    }
    // control
    expect(verified(unitFile(UNIT).replace("Restart=on-failure", "Restart=sometimes"))).toContain(
      "sometimes",
    );
  });
});

describe("klatch service", () => {
  async function organisation() {
    const folder = temporaryFolder();
    const { config } = await runJson<{ config: string }>(["init", folder]);
    return { config, units: join(folder, "units"), file: join(folder, "units/klatch.service") };
  }

  test("writes a unit for the node of a configuration, tells what to call, and takes it away", async () => {
    const { config, units, file } = await organisation();
    const { stdout } = await runCommand([
      "service",
      "install",
      "--config",
      config,
      "--folder",
      units,
    ]);

    expect(stdout).toContain("systemctl --user enable --now klatch");
    const [start = ""] = valuesOf(readFileSync(file, "utf8"), "ExecStart");
    expect(start).toMatch(new RegExp(`/src/node/cli\\.ts start --config ${config}$`));
    expect(existsSync(start.split(" ")[1] ?? "")).toBe(true);
    expect(await runJson(["service", "status", "--folder", units])).toMatchObject({ unit: file });
    expect((await runCommand(["service", "uninstall", "--folder", units])).code).toBe(0);
    expect(existsSync(file)).toBe(false);
    expect(await runJson(["service", "status", "--folder", units])).toEqual({
      unit: null,
      active: null,
    });
  });

  test("prints it and writes nothing, where that is asked", async () => {
    const { config, units } = await organisation();
    const words = ["service", "install", "--config", config, "--folder", units, "--system"];
    const { stdout } = await runCommand([...words, "--print"]);

    expect(valuesOf(stdout, "ProtectSystem")).toEqual(["strict"]);
    expect(existsSync(units)).toBe(false);
  });

  test("leaves alone what others made, and what is enabled", async () => {
    const { config, units, file } = await organisation();
    const install = ["service", "install", "--config", config, "--folder", units];
    await runCommand(install);
    mkdirSync(join(units, "default.target.wants"));
    symlinkSync(file, join(units, "default.target.wants/klatch.service"));
    const enabled = await runCommand(["service", "uninstall", "--folder", units]);
    expect([enabled.code, enabled.stderr]).toEqual([
      2,
      expect.stringContaining("systemctl --user disable --now klatch"),
    ]);
    writeFileSync(file, "[Unit]\nDescription=mine\n");
    for (const words of [install, ["service", "uninstall", "--folder", units]]) {
      const { code, stderr } = await runCommand(words);
      expect([code, stderr]).toEqual([2, expect.stringContaining("was not made by klatch")]);
    }
    expect(readFileSync(file, "utf8")).toContain("Description=mine");
  });

  test("without a configuration says which one it looked for", async () => {
    const config = join(temporaryFolder(), "klatch.yaml");
    const { code, stderr } = await runCommand(["service", "install", "--config", config]);

    expect([code, stderr]).toEqual([2, expect.stringContaining(config)]);
  });
});
