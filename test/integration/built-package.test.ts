import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TestProcess } from "../support/child-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const ROOT = join(import.meta.dirname, "../..");
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");

/** The package as it is published, but for what is not code: built in a folder of its own. */
function buildPackage(): string {
  const folder = temporaryFolder();
  const args = [TSC, "-p", join(ROOT, "tsconfig.build.json"), "--outDir", join(folder, "dist")];
  execFileSync(process.execPath, args, { cwd: ROOT, stdio: "pipe" });
  copyFileSync(join(ROOT, "package.json"), join(folder, "package.json"));
  cpSync(join(ROOT, "examples"), join(folder, "examples"), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** The doors by what a program imports, each with a name that it exports. */
const NAMES = {
  klatch: "createNode",
  "klatch/protocol": "step",
  "klatch/learner": "createLearner",
  "klatch/network": "createNetwork",
  "klatch/testing": "Simulation",
} as const;

test("the built package opens by every door, with types, and to an example as it stands", async () => {
  const folder = buildPackage();
  const program = join(folder, "program.ts");
  const lines = Object.entries(NAMES).flatMap(([door, name], index) => [
    `import { ${name} as value${index} } from "${door}";`,
    `console.log(value${index}.name);`,
  ]);
  writeFileSync(program, lines.join("\n"));
  const opened = new TestProcess(program, []);
  const example = new TestProcess(join(folder, "examples/own-transport.ts"), []);

  expect(await opened.ended()).toEqual({ code: 0, signal: null });
  expect(await example.ended()).toEqual({ code: 0, signal: null });
  expect(opened.lines).toEqual(Object.values(NAMES));
  expect(compiled(folder)).toBe("");

  rmSync(join(folder, "dist/src/protocol.js"));
  rmSync(join(folder, "dist/src/protocol.d.ts"));
  const shut = new TestProcess(program, []);
  expect((await shut.ended()).code).not.toBe(0);
  expect(compiled(folder)).toContain("klatch/protocol");
});

/** What the compiler says of a program that has the package's types alone. */
function compiled(folder: string): string {
  const options = readFileSync(join(ROOT, "tsconfig.json"), "utf8");
  const { compilerOptions } = JSON.parse(options) as { readonly compilerOptions: object };
  const config = join(folder, "tsconfig.json");
  const { rootDir: _, outDir: __, ...own } = { rootDir: "", outDir: "", ...compilerOptions };
  writeFileSync(
    config,
    JSON.stringify({ compilerOptions: { ...own, noEmit: true }, include: ["*.ts", "examples"] }),
  );
  try {
    execFileSync(process.execPath, [TSC, "-p", config], { cwd: folder, stdio: "pipe" });
    return "";
  } catch (error) {
    return String((error as { readonly stdout: Buffer }).stdout);
  }
}
