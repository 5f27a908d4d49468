import { join } from "node:path";
import { TestProcess } from "./child-process.ts";

const CLI = join(import.meta.dirname, "../../src/node/cli.ts");

/** Starts `klatch` as a process of its own. */
export function startCli(args: readonly string[], env: NodeJS.ProcessEnv = {}): TestProcess {
  return new TestProcess(CLI, args, env);
}
