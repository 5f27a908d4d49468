import { TestProcess } from "./child-process.ts";
import { programFile } from "./program-file.ts";

/** Starts `klatch` as a process of its own. */
export function startCli(args: readonly string[], env: NodeJS.ProcessEnv = {}): TestProcess {
  return new TestProcess(programFile("src/node/cli"), args, env);
}
