/**
 * The hospital case: organisations whose machines come and go. Each of some real peers is cut off once for a third of a
 * round (its process is suspended: nobody hears of it, and it does nothing), two are killed with SIGKILL and started
 * again, one joins late. The same run undisturbed is what that is compared with.
 *
 *   node scripts/hospital.ts --model FOLDER --data PATH [--test PATH] [--partition dirichlet:1] [--peers 8] [--rounds 20]
 *     [--steps 20] [--seed 1] [--mode agreed] [--folder FOLDER] [--only disturbed|undisturbed]
 *
 * Prints one JSON object. Exits with 1 when a round is lost or aborted, when digests differ, or the loss is more than 2 % above.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseOptions, type TestnetOptions } from "../testnet/options.ts";
import { EIGHT_MEMBERS } from "./eight-members.ts";
import { type DisturbedRun, plannedFaults, runDisturbed } from "./hospital/disturbed-run.ts";

/** The loss may be this much above that of the undisturbed run. */
const LOSS_FACTOR_MAX = 1.02;

const { values } = parseArgs({
  options: {
    ...EIGHT_MEMBERS,
    rounds: { type: "string", default: "20" },
    steps: { type: "string", default: "20" },
    mode: { type: "string", default: "agreed" },
    folder: { type: "string" },
    only: { type: "string" },
  },
});

const { model, data, test, partition, mode } = values;
const options = parseOptions({
  ...{ model, data, partition, mode, ...(test === undefined ? {} : { test }) },
  ...{ peers: Number(values.peers), rounds: Number(values.rounds) },
  ...{ steps: Number(values.steps), seed: Number(values.seed) },
});
const work = values.folder ?? mkdtempSync(join(tmpdir(), "klatch-hospital-"));
const disturbed = await runOrSkip("disturbed", plannedFaults(options));
const undisturbed = await runOrSkip("undisturbed", []);
const factor = disturbed?.loss && undisturbed?.loss ? disturbed.loss / undisturbed.loss : null;
process.stdout.write(`${JSON.stringify({ disturbed, undisturbed, lossFactor: factor })}\n`);
const isWhole = [disturbed, undisturbed].every((run) => run === null || isUnharmed(run, options));
if (values.folder === undefined) rmSync(work, { recursive: true });
process.exitCode = isWhole && (factor ?? 1) <= LOSS_FACTOR_MAX ? 0 : 1;

// --- internal ---

async function runOrSkip(
  name: "disturbed" | "undisturbed",
  faults: ReturnType<typeof plannedFaults>,
): Promise<DisturbedRun | null> {
  if (values.only !== undefined && values.only !== name) return null;
  const say = (text: string) => process.stderr.write(`${name}: ${text}\n`);
  return runDisturbed({ ...options, faults: [...faults], folder: join(work, name) }, say);
}

function isUnharmed(run: DisturbedRun, { rounds }: TestnetOptions): boolean {
  const { certified, empty, aborted, digests } = run;
  return certified === rounds && empty === 0 && aborted.length === 0 && digests === 1;
}
