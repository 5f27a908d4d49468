import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { quorumOf } from "../../consensus/index.ts";
import { KlatchError } from "../../errors.ts";
import { isPeerId, loadIdentity } from "../../gossip/index.ts";
import { identityFile } from "../folders/data-folder.ts";
import {
  type ChangeFile,
  encodeChange,
  lackOf,
  parseChange,
  signChange,
} from "../membership/change-file.ts";
import { changeFolder, placeChange, readChanges } from "../membership/change-folder.ts";
import { type KnownRun, knownRun } from "../membership/current-members.ts";
import { requirePossible, requireSigned, stateOf } from "../membership/judge-change.ts";
import { PastRuns } from "../past/past-runs.ts";
import { fileError } from "../store/file-system.ts";
import type { Terminal } from "../view/terminal.ts";
import { addConfigOptions, configOf } from "./config-options.ts";

/** `klatch member`: who is a member of a run in mode agreed, changed by a quorum of the members themselves. */
export function define(command: Command, terminal: Terminal): void {
  const propose = command
    .command("propose")
    .description("write a change of the members to a file, for members to sign")
    .argument("<change>", "add, remove or rotate")
    .argument("<peer>", "the peer id that it is about")
    .argument("[new]", "of rotate: the new peer id")
    .requiredOption("--out <file>", "where to write it");
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
  propose.action((kind: string, peer: string, fresh: string | undefined) => {
    const known = runOf(propose, terminal);
    const file = proposalOf(known, kind, peer, fresh);
    requirePossible(file, known);
    const { out } = propose.opts<{ out: string }>();
    write(out, file);
    tell(propose, terminal, out, file);
  });
  sign.action(async (path: string) => {
    const { dataDir } = configOf(sign);
    const file = await signChange(read(path), await loadIdentity(identityFile(dataDir)));
    write(path, file);
    tell(sign, terminal, path, file);
  });
  submit.action((path: string) => {
    const known = runOf(submit, terminal);
    const file = read(path);
    requirePossible(file, known);
    requireSigned(file);
    const { dataDir } = configOf(submit);
    const name = `${file.kind}-${file.peer}-round-${known.head.height + 1}`;
    tell(submit, terminal, placeChange(dataDir, name, encodeChange(file)), file);
  });
  list.action(() => listMembers(list, terminal));
}

// --- internal ---

function runOf(command: Command, terminal: Terminal): KnownRun {
  const { dataDir } = configOf(command);
  const runs = new PastRuns(dataDir, (sentence) => terminal.note(sentence));
  try {
    return knownRun(runs, command.opts<{ run?: string }>().run);
  } finally {
    runs.close();
  }
}

function proposalOf(
  { run, head }: KnownRun,
  kind: string,
  peer: string,
  fresh?: string,
): ChangeFile {
  if (kind !== "add" && kind !== "remove" && kind !== "rotate") {
    throw new KlatchError("usage", `no change of members: ${kind}`, "one of add, remove, rotate");
  }
  if ((kind === "rotate") !== (fresh !== undefined)) {
    throw new KlatchError(
      "usage",
      `${kind} takes ${kind === "rotate" ? "two peer ids" : "one peer id"}`,
      ID_HINT,
    );
  }
  for (const id of [peer, ...(fresh === undefined ? [] : [fresh])]) {
    if (!isPeerId(id)) throw new KlatchError("usage", `no peer id: ${id}`, ID_HINT);
  }
  const { peers: members } = head.members;
  return { kind, run, members, peer, successor: fresh ?? null, consent: null, signatures: {} };
}

const ID_HINT = "`klatch init` prints that of a node";

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

/** What `--json` tells of a change. */
function factsOf(path: string, file: ChangeFile) {
  const { kind, run, peer, successor, signatures } = file;
  const { members: needs, newKey } = lackOf(file);
  const signed = Object.keys(signatures);
  return { file: path, kind, run, peer, successor, signed, needs, newKeyMissing: newKey !== null };
}

function tell(command: Command, terminal: Terminal, path: string, file: ChangeFile): void {
  const facts = factsOf(path, file);
  if (command.opts<{ json?: boolean }>().json === true) terminal.json(facts);
  else for (const line of describe(facts)) terminal.line(line);
}

function describe(facts: ReturnType<typeof factsOf>): readonly string[] {
  const { file, kind, peer, successor, signed, needs, newKeyMissing } = facts;
  const missing = [
    ...(needs > 0 ? [`${needs} more of the members`] : []),
    ...(newKeyMissing ? ["the new key"] : []),
  ];
  return [
    `change    ${kind} ${peer}${successor === null ? "" : ` -> ${successor}`}`,
    `signed    by ${signed.length} of the members${missing.length > 0 ? `; missing: ${missing.join(", ")}` : ", enough"}`,
    `file      ${file}`,
  ];
}

function listMembers(command: Command, terminal: Terminal): void {
  const known = runOf(command, terminal);
  const { peers } = known.head.members;
  const { size: quorum } = quorumOf(peers.length);
  const changes = [...readChanges(changeFolder(configOf(command).dataDir))].flatMap(
    ([name, text]) => changeIn(name, text, known, terminal),
  );
  const { run, head } = known;
  if (command.opts<{ json?: boolean }>().json === true) {
    terminal.json({ run, round: head.height + 1, members: peers, quorum, changes });
    return;
  }
  terminal.line(`run       ${run}`);
  terminal.line(`round     ${head.height + 1}`);
  terminal.line(`members   ${peers.length}, of whom ${quorum} are a quorum`);
  for (const peer of peers) terminal.line(`member    ${peer}`);
  for (const { state, ...facts } of changes) {
    terminal.line(`state     ${state}`);
    for (const line of describe(facts)) terminal.line(line);
  }
}

function changeIn(name: string, text: string, known: KnownRun, terminal: Terminal) {
  try {
    const file = parseChange(text);
    return file.run === known.run ? [{ ...factsOf(name, file), state: stateOf(file, known) }] : [];
  } catch (error) {
    if (!(error instanceof KlatchError)) throw error;
    terminal.note(`${name}: ${error.message}`);
    return [];
  }
}
