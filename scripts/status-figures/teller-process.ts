import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Command } from "./teller.ts";

/** What it answers. */
export interface Told {
  readonly kept: number;
  readonly heap: number;
  readonly rss: number;
}

/** A teller in a process of its own. */
export interface Teller {
  readonly url: string;
  ask(command: Command): Promise<Told>;
  stop(): Promise<void>;
}

/** Starts one in a folder, with a status to show. */
export async function startTeller(folder: string, statusFile: string): Promise<Teller> {
  const file = join(import.meta.dirname, "teller.ts");
  const child = spawn(process.execPath, ["--expose-gc", file, folder, statusFile], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const closed = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error("the teller has ended");
    return JSON.parse(value);
  };
  const { url } = (await next()) as { url: string };
  return {
    url,
    ask(command) {
      child.stdin.write(`${JSON.stringify(command)}\n`);
      return next();
    },
    async stop() {
      child.stdin.end();
      await closed;
    },
  };
}
