import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { quorumOf } from "../../consensus/index.ts";
import { KlatchError } from "../../errors.ts";
import { loadIdentity, ROUNDS_MAX, STEPS_MAX } from "../../gossip/index.ts";
import { identityFile } from "../folders/data-folder.ts";
import { factLines, factsOf } from "../membership/change-facts.ts";
import {
  type ChangeFile,
  encodeChange,
  parseChange,
  signChange,
} from "../membership/change-file.ts";
import { changeFolder, placeChange, readChanges } from "../membership/change-folder.ts";
import { type KnownRun, knownRun } from "../membership/current-members.ts";
import { requirePossible, requireSigned, stateOf } from "../membership/judge-change.ts";
import { proposedChange, proposedDecision, type Wishes } from "../membership/propose-change.ts";
import { lackFor, proposedRollback, requireSame } from "../membership/try-rollback.ts";
import { PastRuns } from "../past/past-runs.ts";
import { fileError } from "../store/file-system.ts";
import type { Terminal } from "../view/terminal.ts";
import { addConfigOptions, configOf } from "./config-options.ts";
import { required, wholeNumber } from "./number-flags.ts";

/** `klatch member`: what a quorum of the members of a run in mode agreed changes: who they are, and the run itself. */
export function define(command: Command, terminal: Terminal): void {
  const propose = command.command("propose");
  defineProposal(propose);
  const sign = command
    .command("sign")
    .description("sign a change with the key of this data folder")
    .argument("<file>", "what `klatch member propose` wrote");
  const submit = command
    .command("submit")
    .description("give a signed change to the node of this data folder: it goes into a block")
    .argument("<file>", "with the signatures of a quorum of the members");
  const list = command.command("list").description("the members, and changes that wait here");
  for (const each of [propose, sign, submit, list]) {
    addConfigOptions(each, (key) => key === "dataDir");
    each.option("--json", "print one JSON document");
    if (each !== sign) {
      each.addOption(
        new Option("--run <id>", "a run of `klatch runs`, by the beginning of its id"),
      );
    }
  }
  propose.action((kind: string, ...[peer, fresh]: readonly (string | undefined)[]) => {
    const { out, ...wishes } = propose.opts<Wishes & { out: string }>();
    const file = withRuns(propose, terminal, (runs, known) => {
      const proposed = proposalOf(runs, known, { kind, peers: [peer, fresh], wishes });
      requirePossible(proposed, known);
      return proposed;
    });
    write(out, file);
    tell(propose, terminal, out, file);
  });
  sign.action(async (path: string) => {
    const { dataDir } = configOf(sign);
    const unsigned = read(path);
    if (unsigned.kind === "rollback") {
      withRuns(sign, terminal, (runs) => requireSame(runs, unsigned), unsigned.run);
    }
    const file = await signChange(unsigned, await loadIdentity(identityFile(dataDir)));
    write(path, file);
    tell(sign, terminal, path, file);
  });
  submit.action((path: string) => {
    const known = runOf(submit, terminal);
    const file = read(path);
    requirePossible(file, known);
    requireSigned(file);
    const { dataDir } = configOf(submit);
    const what = "peer" in file ? `${file.kind}-${file.peer}` : file.kind;
    const name = `${what}-round-${known.head.height + 1}`;
    tell(submit, terminal, placeChange(dataDir, name, encodeChange(file)), file);
  });
  list.action(() => listMembers(list, terminal));
}

// --- internal ---

function defineProposal(propose: Command): void {
  propose
    .description("write a change of the members, or of the run, to a file, for members to sign")
    .argument("<change>", "add, remove or rotate a member, set how long the run is, or rollback")
    .argument("[peer]", "the peer id that it is about; none of set and rollback")
    .argument("[new]", "of rotate: the new peer id")
    .option("--rounds <n>", "of set: rounds of the run", wholeNumber(1, ROUNDS_MAX))
    .option("--steps <n>", "of set: steps a round", wholeNumber(1, STEPS_MAX))
    .option(
      "--from <round>",
      "of set: from which round on; the next one",
      wholeNumber(1, ROUNDS_MAX),
    )
    .option("--without <peer>", "of rollback: whose updates are not to count")
    .option(
      "--to <round>",
      "of rollback: the last round in which they still do",
      wholeNumber(0, ROUNDS_MAX),
    )
    .requiredOption("--out <file>", "where to write it");
}

function runOf(command: Command, terminal: Terminal): KnownRun {
  return withRuns(command, terminal, (_, known) => known);
}

/** Does something with the runs of the data folder, and the one that is meant. */
function withRuns<T>(
  command: Command,
  terminal: Terminal,
  work: (runs: PastRuns, known: KnownRun) => T,
  run = command.opts<{ run?: string }>().run,
): T {
  const { dataDir } = configOf(command);
  const runs = new PastRuns(dataDir, (sentence) => terminal.note(sentence));
  try {
    return work(runs, knownRun(runs, run));
  } finally {
    runs.close();
  }
}

function proposalOf(
  runs: PastRuns,
  known: KnownRun,
  { kind, peers, wishes }: Proposed,
): ChangeFile {
  const { rounds, steps, from, without, to } = wishes;
  const isOfPeers = kind !== "set" && kind !== "rollback";
  const foreign = [
    ...(kind === "set" ? [] : [rounds, steps, from]),
    ...(kind === "rollback" ? [] : [without, to]),
    ...(isOfPeers ? [] : peers),
  ];
  if (foreign.some((each) => each !== undefined)) {
    const what = `${kind} does not take all of these`;
    throw new KlatchError("usage", what, "see `klatch member propose --help`");
  }
  if (isOfPeers) return proposedChange(known, kind, peers);
  if (kind === "set") return proposedDecision(known, wishes);
  const since = required("--to", to);
  return proposedRollback(runs, known, { without: required("--without", without), since });
}

interface Proposed {
  readonly kind: string;
  readonly peers: readonly (string | undefined)[];
  readonly wishes: Wishes;
}

function read(path: string): ChangeFile {
  try {
    return parseChange(readFileSync(resolve(path), "utf8"));
  } catch (error) {
    if (error instanceof KlatchError) throw error;
    throw fileError(error, path);
  }
}

function write(path: string, file: ChangeFile): void {
  try {
    writeFileSync(resolve(path), encodeChange(file));
  } catch (error) {
    throw fileError(error, path);
  }
}

function tell(command: Command, terminal: Terminal, path: string, file: ChangeFile): void {
  const facts = factsOf(path, file);
  if (command.opts<{ json?: boolean }>().json === true) terminal.json(facts);
  else for (const line of factLines(facts)) terminal.line(line);
}

function listMembers(command: Command, terminal: Terminal): void {
  const files = [...readChanges(changeFolder(configOf(command).dataDir))];
  const { known, changes } = withRuns(command, terminal, (runs, known) => ({
    known,
    changes: files.flatMap((file) => changeIn(file, runs, known, terminal)),
  }));
  const { peers } = known.head.members;
  const { size: quorum } = quorumOf(peers.length);
  const { run, head } = known;
  if (command.opts<{ json?: boolean }>().json === true) {
    const { rounds, steps } = known;
    terminal.json({ run, round: head.height + 1, rounds, steps, members: peers, quorum, changes });
    return;
  }
  terminal.line(`run       ${run}`);
  terminal.line(`round     ${head.height + 1} of ${known.rounds}, of ${known.steps} steps`);
  terminal.line(`members   ${peers.length}, of whom ${quorum} are a quorum`);
  for (const peer of peers) terminal.line(`member    ${peer}`);
  for (const { state, lack, ...facts } of changes) {
    terminal.line(`state     ${state}${lack === null ? "" : `; ${lack}`}`);
    for (const line of factLines(facts)) terminal.line(line);
  }
}

function changeIn(
  [name, text]: readonly [string, string],
  runs: PastRuns,
  known: KnownRun,
  terminal: Terminal,
) {
  try {
    const file = parseChange(text);
    if (file.run !== known.run) return [];
    const state = stateOf(file, known);
    const lack = file.kind === "rollback" && state !== "outdated" ? lackFor(runs, file) : null;
    return [{ ...factsOf(name, file), state, lack }];
  } catch (error) {
    if (!(error instanceof KlatchError)) throw error;
    terminal.note(`${name}: ${error.message}`);
    return [];
  }
}
