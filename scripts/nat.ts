/**
 * Members behind routers: real peers, of which the last --hidden are each behind a router of its own that masquerades and
 * lets nobody in. They reach the members with a public address, and nobody reaches them.
 *
 *   sudo node scripts/nat.ts --model FOLDER --data PATH [--test PATH] [--partition dirichlet:1] [--mode agreed] [--peers 4]
 *     [--hidden 2] [--loss 0.01] [--rate 10mbit] [--symmetric] [--rounds 6] [--steps 10] [--seed 1] [--folder FOLDER]
 *
 * Needs root on Linux, `ip` and `tc` (iproute2) and `iptables`: all of it is made of namespaces, taken away at the end.
 * Prints one JSON object. Exits with 1 when a peer does not come to the end, or, in mode agreed, a round is not certified or
 * peers end with different adapters.
 */
import { parseArgs } from "node:util";
import { parseOptions } from "../testnet/options.ts";
import { EIGHT_MEMBERS } from "./eight-members.ts";
import { printRunIn } from "./in-folder.ts";
import { type HiddenRun, runHidden } from "./nat/hidden-run.ts";

const { values } = parseArgs({
  options: {
    ...EIGHT_MEMBERS,
    peers: { type: "string", default: "4" },
    mode: { type: "string", default: "agreed" },
    hidden: { type: "string", default: "2" },
    loss: { type: "string", default: "0.01" },
    rate: { type: "string", default: "10mbit" },
    symmetric: { type: "boolean", default: false },
    rounds: { type: "string", default: "6" },
    steps: { type: "string", default: "10" },
    folder: { type: "string" },
  },
});
const { model, data, test, partition, symmetric, rate } = values;
const options = parseOptions({
  ...{ model, data, partition, mode: values.mode as "agreed" },
  ...(test === undefined ? {} : { test }),
  ...{ peers: Number(values.peers), rounds: Number(values.rounds) },
  ...{ steps: Number(values.steps), seed: Number(values.seed) },
});
const hidden = Number(values.hidden);
const line = { hidden, rate, symmetric, loss: Number(values.loss) };
await printRunIn(
  { folder: values.folder, prefix: "klatch-nat-" },
  (folder, say) => runHidden({ ...options, folder }, line, say),
  isWhole,
);

// --- internal ---

function isWhole({ aborted, certified, digests }: HiddenRun): boolean {
  const isCertified = options.mode === "gossip" || (certified === options.rounds && digests === 1);
  return aborted.length === 0 && isCertified;
}
