import { type ErrorCode, EXIT_CODES } from "../../src/errors.ts";
import { EXIT_INTERRUPTED } from "../../src/node/process/lifecycle.ts";
import { markdownTable } from "../../src/node/view/table.ts";
import { REASONS, type Reason } from "../../src/types.ts";

const HEAD = `# Errors

A command that cannot go on says so in two lines on the error stream, \`error: ...\` and \`hint: ...\`, changes nothing that it has not said, and ends with one of these
codes. They are stable. Made from the code by \`node scripts/references.ts\`.
`;

/** What failed, and what usually helps. */
const CODES: Readonly<Record<ErrorCode, readonly [meaning: string, remedy: string]>> = {
  internal: [
    "a bug in Klatch; or a check of `doctor` failed, `verify` found something wrong, or what a scenario of `testnet run` expects was not met",
    "please report the stack; else do what the line says",
  ],
  usage: [
    "an unknown flag or key, a value out of bounds, a ticket that admits nobody",
    "the hint names the nearest known one",
  ],
  data: ["data or a kept file is empty or malformed", "mend the file and line that are named"],
  engine: [
    "the training engine cannot run here",
    "name another with `--engine`, or install what is named",
  ],
  network: [
    "a port is in use, a name or node is not there",
    "change the port, start the node, check the address",
  ],
  permission: [
    "a secret is readable by others, or a file is not ours",
    "`chmod 600`, or run as its owner",
  ],
  incompatible: [
    "model, tokenizer, adapter or kept state do not fit",
    "name the run's own model, or begin a new run",
  ],
  diverged: [
    "training gave numbers that are not finite, or a loss that climbs",
    "lower the learning rate; look at the rows",
  ],
  disk: ["a disk is full, read-only or damaged", "free space, or set `dataDir` to another disk"],
  memory: [
    "memory does not suffice for one row",
    "lower `run.sequenceMax`, or take a smaller model",
  ],
  locked: ["another process has the data folder", "stop it, or name another folder"],
  alone: [
    "the run is finished, and most of its rounds were trained without a contribution of others",
    "`klatch peers` says why they were not mixed",
  ],
};

/** Why something of others was not used; the same words in logs, tables and metrics. */
const WHY: Readonly<Record<Reason, string>> = {
  malformed: "its bytes are not what the protocol has",
  "too-large": "it is larger than any honest one",
  "bad-signature": "it is not signed by whom it names",
  "not-member": "its author is no member",
  "other-run": "it is of a run with other terms: `klatch peers` names them",
  "other-version": "it is of another version of the protocol: update the older one",
  "other-update": "its update is coded in another way than the run says",
  "other-track": "what it builds on is not what is known of its author: it starts anew",
  expired: "it is older than ten minutes, or a clock is off",
  "past-round": "its round is over here",
  "future-round": "its round is not yet near",
  "in-short": "it is told in full elsewhere",
  replay: "it is known already",
  contradiction: "it goes against what its author has signed",
  flood: "its author says more than a round needs",
  equivocation: "its author has signed two different ones for one round: proof for everybody",
  isolated: "its author is isolated or put out",
  "digest-mismatch": "other bytes came than were announced",
  "wrong-shape": "it has another number of values than the run's adapter",
  "non-finite": "it has values that are no numbers",
  "gate-veto": "it harms on this node's held-out rows, more than others do",
  late: "it came after the round's end",
  missing: "nobody who should have it has it",
  timeout: "it did not come in time",
  unreachable: "its author is not connected",
};

/** Exit codes and reasons. */
export function errorReference(): string {
  const codes = Object.entries(CODES).map(([code, [meaning, remedy]]) => [
    ...[String(EXIT_CODES[code as ErrorCode]), code, meaning, remedy],
  ]);
  const all = [
    ["0", "done", "", ""],
    ...codes.sort(([a], [b]) => Number(a) - Number(b)),
    [
      ...[String(EXIT_INTERRUPTED), "interrupted", "ended by a signal"],
      "the first one for `train`, `testnet run` and `npm start`, which report what there is; the second one for `start`",
    ],
  ];
  const reasons = REASONS.map((reason) => [`\`${reason}\``, WHY[reason]]);
  return [
    HEAD,
    `${markdownTable(["exit code", "name", "what happened", "what helps"], all)}\n`,
    "## Why an update was not used\n",
    "In the log, in `klatch peers` and `klatch rounds`, and as a label of metrics:\n",
    `${markdownTable(["reason", "what it says"], reasons)}\n`,
  ].join("\n");
}
