import { resolve } from "node:path";
import type { Command } from "commander";
import { EXIT_CODES, KlatchError } from "../../errors.ts";
import type { Digest } from "../../types.ts";
import { type Verification, verifyFolder } from "../proof/verify-folder.ts";
import { aligned, decidedText, rolledBackText } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";

/**
 * `klatch verify`: whether a quorum of the members has signed what a folder holds, and whose updates are in it. Offline;
 * exit code 1 when it does not hold.
 */
export function define(command: Command, terminal: Terminal): void {
  command
    .argument("<folder>", "an exported adapter with klatch.proof.json, or a node's data folder")
    .option("--head <digest>", "a chain head that a member told you: the chain must have it")
    .option("--run <id>", "of a data folder: a run of `klatch runs`, by the beginning of its id")
    .option("--json", "print one JSON document")
    .action(async (folder: string, flags: Flags) => {
      const head = headOf(flags.head);
      const result = await verifyFolder(resolve(folder), { run: flags.run ?? null, head });
      if (flags.json === true) terminal.json(result);
      else for (const line of describe(result)) terminal.line(line);
      if (!result.valid) terminal.fail(EXIT_CODES.internal);
    });
}

// --- internal ---

interface Flags {
  readonly head?: string;
  readonly run?: string;
  readonly json?: boolean;
}

function headOf(text: string | undefined): Digest | null {
  if (text === undefined) return null;
  const head = text.toLowerCase();
  if (/^[0-9a-f]{64}$/.test(head)) return head;
  throw new KlatchError(
    "usage",
    "--head is no digest",
    "give all 64 hexadecimal digits of the chain head that `klatch status` names",
  );
}

function describe(result: Verification): readonly string[] {
  const { valid, run, digest, head, problems, notes } = result;
  return [
    `valid     ${valid ? "yes" : "NO"}`,
    `run       ${run ?? "-"}`,
    `rounds    ${roundsText(result)}`,
    `head      ${head ?? "-"}`,
    `adapter   ${digest ?? "-"}`,
    ...result.byRound.flatMap(decidedLines),
    ...contributorsText(result),
    ...problems.map((problem) => `problem   ${problem}`),
    ...notes.map((note) => `note      ${note}`),
  ];
}

function roundsText({ valid, rounds, members, byRound }: Verification): string {
  if (!valid || byRound.length === 0) return String(rounds);
  const sorted = byRound.map((each) => each.signers).sort((a, b) => a - b);
  const [least, most] = [sorted[0], sorted.at(-1)];
  const each = least === most ? least : `${least} to ${most}`;
  return `${rounds}, each signed by ${each} of ${members.length} members`;
}

function decidedLines({
  round,
  decided,
  rolledBack,
}: Verification["byRound"][number]): readonly string[] {
  const told = [
    ...(decided == null ? [] : [decidedText(decided)]),
    ...(rolledBack === undefined ? [] : [rolledBackText(rolledBack)]),
  ];
  return told.map((what) => `decided   after round ${round}: ${what}`);
}

function contributorsText({ contributors, byRound }: Verification): readonly string[] {
  const rows = contributors.map(({ peer, rounds, share }) => [
    peer,
    `in ${rounds} of ${byRound.length} rounds`,
    `share ${share.toFixed(3)}`,
  ]);
  return aligned(rows).map((line) => `member    ${line}`);
}
