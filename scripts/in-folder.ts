import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KlatchError } from "../src/errors.ts";

/**
 * Runs what a script is for in a folder that is named, or in one that goes afterwards, and prints what came of it as one
 * JSON object. The exit code is 0 when that is as it should be, else 1, and 2 for an operating failure. A signal ends the
 * process by its exit, at which what was made for the run is taken away.
 */
export async function printRunIn<T>(
  named: { readonly folder: string | undefined; readonly prefix: string },
  run: (folder: string, say: (text: string) => void) => Promise<T>,
  isRight: (came: T) => boolean,
): Promise<void> {
  const folder = named.folder ?? mkdtempSync(join(tmpdir(), named.prefix));
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => process.exit(code));
  }
  const say = (text: string) => process.stderr.write(`${text}\n`);
  try {
    const came = await run(folder, say);
    process.stdout.write(`${JSON.stringify(came)}\n`);
    process.exitCode = isRight(came) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof KlatchError)) throw error;
    say(`${error.message}\nhint: ${error.hint}`);
    process.exitCode = 2;
  } finally {
    if (named.folder === undefined) rmSync(folder, { recursive: true });
  }
}
