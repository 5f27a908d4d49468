/**
 * The specification of mode agreed (test/specification/), run at random and replayed against the real step; then
 * both with their rules broken, one at a time. Exits with 1 when the two differ, or when a broken rule is not found.
 *
 *   node scripts/agreement-specification.ts [--histories 100] [--events 60] [--seed 1]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findingOf, stepFinding } from "../test/support/agreed-specification/caught.ts";
import {
  SPECIFICATION_MUTATIONS,
  STEP_MUTATIONS,
} from "../test/support/agreed-specification/mutations.ts";

const { values } = parseArgs({
  options: {
    histories: { type: "string", default: "100" },
    events: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
  },
});
const [samples, events, seed] = [values.histories, values.events, values.seed].map(Number) as [
  number,
  number,
  number,
];

await inFolder(async (folder) => {
  const found = await findingOf(folder, { samples, events, seed });
  tell("the specification and the step", found ?? "are the same", found === null);
  for (const [rule, mutation] of Object.entries(STEP_MUTATIONS)) {
    tellCaught(`step: ${rule}`, await stepFinding(folder, mutation));
  }
});
for (const [rule, edits] of Object.entries(SPECIFICATION_MUTATIONS)) {
  await inFolder(async (folder) => {
    tellCaught(`specification: ${rule}`, await findingOf(folder, { samples, events, seed }, edits));
  });
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "klatch-specification-"));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tellCaught(what: string, found: string | null): void {
  tell(what, found ?? "NOT CAUGHT", found !== null);
}

function tell(what: string, found: string, isRight: boolean): void {
  process.stdout.write(`${what}: ${found}\n`);
  if (!isRight) process.exitCode = 1;
}
