import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { NodeStatus, RoundRecord } from "../../src/node/records/records.ts";
import { toldRecord } from "../../src/node/records/told.ts";
import { writeAtomically } from "../../src/node/store/atomic-file.ts";
import { realFileSystem } from "../../src/node/store/file-system.ts";
import { mean } from "../../src/node/view/quantities.ts";
import type { Evaluation, Evidence, PeerId } from "../../src/types.ts";
import type { Baselines } from "../baselines.ts";
import type { Role } from "../data/run-data.ts";
import type { TestnetOptions } from "../options.ts";
import type { Incident } from "../processes/troubles.ts";
import { judgeRun } from "../scenario/expectations.ts";
import type { Fault } from "../scenario/faults.ts";
import { agreementOf } from "./agreement.ts";
import { renderPlot } from "./plot.ts";
import { reportMarkdown } from "./report-markdown.ts";
import type { PeerReport, Quality, TestnetReport } from "./report-shape.ts";
import { reputationOf } from "./standing.ts";

/** What one peer told about itself at the end. */
export interface PeerRecord {
  readonly id: PeerId;
  readonly index: number;
  readonly label: string;
  readonly role: Role;
  readonly rows: number;
  readonly status: NodeStatus | null;
  readonly rounds: readonly RoundRecord[];
  readonly evidence: readonly Evidence[];
}

export interface RunFacts {
  readonly options: TestnetOptions;
  readonly peers: readonly PeerRecord[];
  /** Null of a run that was interrupted. */
  readonly baselines: Baselines | null;
  readonly startedAt: number;
  readonly seconds: number;
  readonly testRows: number;
  readonly incidents: readonly Incident[];
  /** Faults whose time never came. */
  readonly missed: readonly Fault[];
}

/** Puts the report together. Pure. */
export function buildReport(facts: RunFacts): TestnetReport {
  const { options, baselines } = facts;
  const honest = facts.peers.filter((peer) => peer.role === "honest");
  const statuses = honest.flatMap(({ status }) => (status === null ? [] : [status]));
  const first = statuses[0];
  const peers = facts.peers.map((peer) => peerReport(peer, statuses));
  const report = {
    klatch: first?.version ?? "",
    node: process.version,
    startedAt: new Date(facts.startedAt).toISOString(),
    options,
    run: first?.run ?? "",
    testRows: facts.testRows,
    peers,
    interrupted: baselines === null,
    base: qualityOf(baselines === null ? [] : [baselines.base]),
    localOnly: qualityOf(baselines?.localOnly ?? []),
    federated: qualityOf(statuses.flatMap(({ evaluation }) => evaluation ?? [])),
    centralised: qualityOf(baselines?.centralised ? [baselines.centralised] : []),
    seconds: facts.seconds,
    bytesPerPeerRound: Math.round(
      (mean(peers.flatMap((peer) => (peer.role === "honest" ? [peer.bytesSent] : []))) ?? 0) /
        (baselines === null ? Math.max(1, ...peers.map((peer) => peer.rounds)) : options.rounds),
    ),
    costs: first?.costs ?? null,
    ...agreementOf(options, honest),
    certifiedAttackers: Math.min(...statuses.map((status) => status.certifiedAttackers)),
    attack: options.attack ?? null,
    attackers: peers.length - honest.length,
    evidence: honest.flatMap(({ id, evidence }) =>
      evidence.map((item) => ({ ...toldRecord(item), observer: id })),
    ),
    incidents: facts.incidents.map(toldRecord),
  };
  const expectations = judgeRun(options.expect, { ...report, missed: facts.missed });
  return { ...report, expectations };
}

/** Writes report.json, report.md and report.png into a folder; returns their paths. */
export function writeReport(report: TestnetReport, folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  const files = ["report.json", "report.md", "report.png"].map((name) => join(folder, name));
  const [json, markdown, picture] = files as [string, string, string];
  const write = (file: string, content: string | Uint8Array) =>
    writeAtomically(realFileSystem, file, [Buffer.from(content)]);
  write(json, `${JSON.stringify(report, null, 2)}\n`);
  write(markdown, reportMarkdown(report));
  write(picture, renderPlot(report));
  return files;
}

// --- internal ---

function peerReport(peer: PeerRecord, honest: readonly NodeStatus[]): PeerReport {
  const { id, index, label, role, rows, status, rounds } = peer;
  return {
    id,
    index,
    label,
    role,
    rows,
    rounds: rounds.length,
    // A process that was killed began to count anew; its rounds have not.
    bytesSent: Math.max(status?.bytesSent ?? 0, sum(rounds.map((one) => one.bytesSent))),
    bytesReceived: Math.max(
      status?.bytesReceived ?? 0,
      sum(rounds.map((one) => one.bytesReceived)),
    ),
    loss: status?.evaluation?.loss ?? null,
    exactMatch: status?.evaluation?.exactMatch ?? null,
    ...reputationOf(id, honest),
    curve: rounds.map((record) => ({
      round: record.round + 1,
      trainLoss: record.trainLoss,
      heldOutLoss: record.heldOutLoss,
      bytesSent: record.bytesSent,
      bytesReceived: record.bytesReceived,
      mixed: record.mixed.length,
      refused: record.refused.length,
      seconds: (record.endedAt - record.startedAt) / 1000,
    })),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Means over evaluations, null of none; perplexity is that of the mean loss. */
function qualityOf(evaluations: readonly Evaluation[]): Quality | null {
  const loss = mean(evaluations.map((one) => one.loss));
  const exactMatch = mean(evaluations.map((one) => one.exactMatch));
  return loss === null || exactMatch === null
    ? null
    : { loss, perplexity: Math.exp(loss), exactMatch };
}
