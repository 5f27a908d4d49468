import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TestProcess } from "../../../support/child-process.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const CLI = join(import.meta.dirname, "../../../../src/node/cli.ts");

async function runs(env: NodeJS.ProcessEnv): Promise<void> {
  const child = new TestProcess(CLI, ["--version"], env);
  expect((await child.ended()).code, child.stderr).toBe(0);
}

test.skipIf(process.platform === "win32")(
  "a command keeps compiled modules in this user's cache, which nobody else can open",
  async () => {
    const home = temporaryFolder();
    await runs({ HOME: home, NODE_COMPILE_CACHE: undefined });
    const compiled = join(home, ".cache/klatch/compiled");
    expect(statSync(compiled).mode & 0o777).toBe(0o700);
  },
);

test("and where the environment names another place, nothing there (control)", async () => {
  const home = temporaryFolder();
  await runs({ HOME: home, NODE_COMPILE_CACHE: join(home, "named") });
  expect(existsSync(join(home, "named"))).toBe(true);
  expect(existsSync(join(home, ".cache"))).toBe(false);
});

test("a cache that cannot be is done without", async () => {
  await runs({ KLATCH_CACHE: CLI, NODE_COMPILE_CACHE: undefined });
});
