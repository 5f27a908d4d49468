import type { Command } from "commander";
import { type OpenRun, openRunOf, openRunText } from "../admission/await-seal.ts";
import { answers } from "../http/status-client.ts";
import {
  addNodeOptions,
  askNodeOrFolder,
  type PastRun,
  pastStatus,
} from "../past/node-or-folder.ts";
import type { NodeStatus, RoundRecord } from "../records/records.ts";
import { costTable, describeCosts } from "../view/cost-table.ts";
import { bytes, decidedText, decimals, describeModel, duration, short } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";
import { configOf } from "./config-options.ts";

/** `klatch status`: what the node is doing, or how far it was when it stopped. */
export function define(command: Command, terminal: Terminal): void {
  addNodeOptions(command);
  command.action(async () => {
    const { url, run, json } = command.opts<{ url?: string; run?: string; json?: boolean }>();
    const open = url === undefined && run === undefined ? openRunOf(configOf(command)) : null;
    if (open !== null) return describeOpen(open, terminal, json === true);
    const source = { path: "status", schema: answers.status, past: pastStatus };
    const status = await askNodeOrFolder<NodeStatus>(command, terminal, source);
    if (json === true) return terminal.json(status);
    const left = status.state === "running" ? await secondsLeft(command, terminal, status) : null;
    for (const line of describeStatus(status, Date.now(), left)) terminal.line(line);
  });
}

/** A status in a few lines for a person; `left` seconds, as far as they are known. */
export function describeStatus(
  status: NodeStatus,
  now: number,
  left: number | null = null,
): readonly string[] {
  const connected = status.peers.filter((peer) => peer.connected).length;
  const lines = [
    `peer      ${status.peerId}`,
    `run       ${status.run}`,
    `model     ${describeModel(status.model)}`,
    `state     ${whereItIs(status)}${timeText(left)}`,
    `rounds    ${status.mixedRounds} mixed with others, ${status.soloRounds} alone`,
    `peers     ${connected} of ${status.peers.length} connected`,
    ...agreementText(status, now),
    `loss      ${decimals(status.trainLoss) ?? "-"} in training, ${decimals(status.heldOutLoss) ?? "-"} held out`,
    `traffic   ${bytes(status.bytesSent)} sent, ${bytes(status.bytesReceived)} received`,
    ...costLines(status),
  ];
  if (status.waitingFor.length > 0) {
    const until =
      status.deadline === null
        ? ""
        : `, at most ${Math.max(0, Math.ceil((status.deadline - now) / 1000))} s more`;
    lines.push(`waits     for ${status.waitingFor.map(short).join(" ")}${until}`);
  }
  for (const { peer, reason, notes } of status.peers) {
    for (const what of [...(reason === null ? [] : [`not mixed: ${reason}`]), ...notes]) {
      lines.push(`member    ${short(peer)} ${what}`);
    }
  }
  if (status.strangers.length > 0) {
    lines.push(`strangers ${status.strangers.join(" ")} (not in run.members)`);
  }
  if (status.evaluation !== null) {
    const { loss, exactMatch, macroF1 } = status.evaluation;
    const match = macroF1 === undefined ? "exact match" : "accuracy";
    lines.push(`result    loss ${decimals(loss)}, ${match} ${(100 * exactMatch).toFixed(1)} %`);
  }
  return lines;
}

// --- internal ---

/** What is known of a run before its members are: no node of it runs yet. */
function describeOpen(open: OpenRun, terminal: Terminal, asJson: boolean): void {
  const waits = openRunText(open);
  if (asJson) terminal.json({ state: "waiting", role: open.role, waits });
  else terminal.line(`state     waits for members (\`klatch start\`): ${waits}`);
}

type Silence = NonNullable<NonNullable<NodeStatus["agreed"]>["silence"]>;

/** The mixing rule and what it bears; in mode agreed also the chain, and how far the round is. */
function agreementText(status: NodeStatus, now: number): readonly string[] {
  const { mode, agreed, rule, attackersMax, certifiedAttackers } = status;
  if (mode === "gossip" || agreed === null) {
    return [
      `rule      ${rule}, certified for ${certifiedAttackers} attackers, assumes ${attackersMax}`,
    ];
  }
  const { view, proposer, ballots, votes, quorum, blocks, head, headAt } = agreed;
  const { member = true, changes = 0, contradicted = [], decided = null, silence } = agreed;
  const self = member ? 1 : 0;
  const members = status.peers.length + self;
  const here = self + status.peers.filter((peer) => peer.connected).length;
  const isRunning = !["stopped", "finished"].includes(status.state);
  const lack = isRunning && here < quorum ? `; ${here} are here, so the round stays open` : "";
  const age = headAt === null ? "" : `, ${duration((now - headAt) / 1000)} old`;
  const isVoting = isRunning && status.phase === "vote";
  return [
    `mode      agreed, a quorum is ${quorum} of ${members} members${lack}`,
    ...(member ? [] : ["member    not yet: it looks on until members add it (`klatch member`)"]),
    ...(silence === undefined || !isRunning ? [] : [silenceLine(silence, member)]),
    ...(changes > 0 ? [`changes   ${changes} by the members wait for a block`] : []),
    ...(decided === null ? [] : [`decided   ${decidedText(decided)}`]),
    ...contradicted.map(
      (peer) => `lies      ${short(peer)} has contradicted itself, and is put out`,
    ),
    `rule      ${rule}, up to ${certifiedAttackers} of them may lie`,
    blocks === 0 ? "chain     no block yet" : `chain     block ${blocks}${age}: ${head}`,
    ...(isVoting
      ? [
          `view      ${view}, proposed by ${short(proposer ?? "-")}, ${ballots} ballots, ${votes} votes of ${quorum}`,
        ]
      : []),
  ];
}

/** Why a node signs nothing; one that is no member signs nothing anyway, and asks how far the run is. */
function silenceLine({ answers, needed, until, lack }: Silence, isMember: boolean): string {
  const told = `${answers} of ${needed} answers`;
  if (!isMember) return `asks      members how far the run is: ${told}`;
  if (until !== null) return `silent    says nothing until round ${until} is final: ${lack}`;
  const found = lack === null ? "" : `; ${lack}`;
  return `silent    asks what it signed before: ${told}${found}`;
}

/** How updates travel, and a table of what that costs in a round and would cost otherwise. */
function costLines({ costs }: NodeStatus): readonly string[] {
  if (costs === undefined) return [];
  return [
    `updates   ${describeCosts(costs)}`,
    ...costTable(costs).map((line) => `          ${line}`),
  ];
}

/** Rounds that tell how long one takes: the last ones, for the first compile and wait for others. */
const TIMED_ROUNDS = 10;

/** How long the run will take at the pace of the last rounds; null before there is one. */
async function secondsLeft(
  command: Command,
  terminal: Terminal,
  { rounds, roundsDone = 0 }: NodeStatus,
): Promise<number | null> {
  const past = ({ runs, run }: PastRun) => [...runs.rounds(run, TIMED_ROUNDS)];
  const source = { path: `rounds?limit=${TIMED_ROUNDS}`, schema: answers.rounds, past };
  const last = await askNodeOrFolder<readonly RoundRecord[]>(command, terminal, source);
  const [first, newest] = [last[0], last.at(-1)];
  if (first === undefined || newest === undefined) return null;
  const each = (newest.endedAt - first.startedAt) / last.length / 1000;
  return Math.max(0, rounds - roundsDone) * each;
}

function timeText(left: number | null): string {
  return left === null ? "" : `, about ${duration(left)} left`;
}

function whereItIs({ state, round, roundsDone = 0, rounds, phase }: NodeStatus): string {
  const done = `${roundsDone} of ${rounds} rounds done`;
  if (state === "stopped")
    return phase === "done" ? `stopped, finished, ${done}` : `stopped, ${done}`;
  return `${state}, round ${round} of ${rounds}, ${phase}`;
}
