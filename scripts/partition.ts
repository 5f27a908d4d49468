/**
 * A partition: real peers in two networks, none of which has a quorum while they are parted for some rounds. What is sent
 * from one to the other gets lost meanwhile, and no connection is closed. Then they are joined again, and run to the end.
 *
 *   sudo node scripts/partition.ts --model FOLDER --data PATH [--test PATH] [--partition dirichlet:1] [--peers 8] [--larger 5]
 *     [--after 3] [--apart 4] [--rounds 12] [--steps 10] [--seed 1] [--patience-ms 1000] [--folder FOLDER]
 *
 * Needs root on Linux and `ip` (iproute2): the networks are two namespaces on a bridge, taken away at the end. A peer that
 * reaches no quorum trains on after --patience-ms twice, or a few times its training; give hours for a control in which
 * nobody does. Prints one JSON object. Exits with 1 when peers end with different adapters, two final blocks exist at one
 * height, a round ends while no side has a quorum, or the third round after is later than three rounds' time.
 */
import { parseArgs } from "node:util";
import { parseOptions } from "../testnet/options.ts";
import { EIGHT_MEMBERS } from "./eight-members.ts";
import { printRunIn } from "./in-folder.ts";
import { type PartedRun, runParted } from "./partition/parted-run.ts";

const { values } = parseArgs({
  options: {
    ...EIGHT_MEMBERS,
    larger: { type: "string", default: "5" },
    after: { type: "string", default: "3" },
    apart: { type: "string", default: "4" },
    rounds: { type: "string", default: "12" },
    steps: { type: "string", default: "10" },
    "patience-ms": { type: "string", default: "1000" },
    folder: { type: "string" },
  },
});

const { model, data, test, partition } = values;
const options = parseOptions({
  ...{ model, data, partition, mode: "agreed", commitGraceMs: Number(values["patience-ms"]) },
  ...(test === undefined ? {} : { test }),
  ...{ peers: Number(values.peers), rounds: Number(values.rounds) },
  ...{ steps: Number(values.steps), seed: Number(values.seed) },
});
const parting = {
  larger: Number(values.larger),
  after: Number(values.after),
  rounds: Number(values.apart),
};
await printRunIn(
  { folder: values.folder, prefix: "klatch-partition-" },
  (folder, say) => runParted({ ...options, folder }, parting, say),
  isUnharmed,
);

// --- internal ---

function isUnharmed(run: PartedRun): boolean {
  const { certified, aborted, digests, conflicts, endedApart } = run;
  const isInTime = run.secondsToThird <= 3 * run.roundSeconds;
  const isWhole = certified === options.rounds && aborted.length === 0 && digests === 1;
  return isWhole && conflicts === 0 && endedApart === 0 && isInTime;
}
