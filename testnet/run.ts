import { checkOutFolder } from "../src/node/folders/out-folder.ts";
import type { ScratchFolder } from "../src/node/folders/scratch-folder.ts";
import { openStore } from "../src/node/store/store.ts";
import { type Baselines, runBaselines } from "./baselines.ts";
import { prepareData, type RunData } from "./data/run-data.ts";
import { parseOptions, type TestnetInput, type TestnetOptions } from "./options.ts";
import { openPage } from "./page/page-server.ts";
import { type Member, pollFleet } from "./processes/fleet.ts";
import { openNetwork } from "./processes/network.ts";
import { dataFolder } from "./processes/peer-config.ts";
import type { Incident } from "./processes/troubles.ts";
import { watchNetwork } from "./processes/watch.ts";
import { createProgress, type Output, type Progress } from "./report/progress.ts";
import { buildReport, type PeerRecord, writeReport } from "./report/report.ts";
import type { TestnetReport } from "./report/report-shape.ts";
import type { Fault } from "./scenario/faults.ts";
import { openWorkingFolder, withPaths } from "./working-folder.ts";

const EVIDENCE_MAX = 10_000;

export interface RunHooks {
  /** Where progress is shown; null for none. */
  readonly output?: Output | null;
  /**
   * Stops the run. Once the peers are up they are stopped, and the report tells what there is; before that the signal's
   * reason is thrown.
   */
  readonly signal?: AbortSignal;
}

/**
 * Runs a network of real processes from start to report. Writes the report where `options.report` names a folder.
 * Throws `usage` or `data` for input that does not do, a failed peer's own error, `network` past the time limit.
 * Leaves no process behind, and no folder unless one was named or a peer failed, whose log lies in it.
 */
export async function runTestnet(
  input: TestnetInput,
  hooks: RunHooks = {},
): Promise<TestnetReport> {
  const options = withPaths(parseOptions(input));
  const signal = hooks.signal ?? new AbortController().signal;
  if (options.report !== undefined) checkOutFolder(options.report);
  const progress = createProgress(hooks.output ?? null);
  const work = await openWorkingFolder(options.folder);
  try {
    return await runIn(work, options, progress, signal);
  } finally {
    work.remove();
  }
}

// --- internal ---

async function runIn(
  work: ScratchFolder,
  options: TestnetOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<TestnetReport> {
  const data = await prepareData(options, work.path);
  for (const note of data.notes) progress.note(note);
  progress.note(`${options.peers} peers in ${work.path}`);
  const startedAt = Date.now();
  const run = await runNetwork(options, data, progress, signal).catch((error: unknown) => {
    // The peers' logs lie there.
    if (!signal.aborted) work.leave();
    throw error;
  });
  const seconds = (Date.now() - startedAt) / 1000;
  const baselines = await baselinesUnless(signal, () =>
    runBaselines(options, data, signal, (text) => progress.note(text)),
  );
  const { testRows } = data;
  const report = buildReport({ options, ...run, baselines, startedAt, seconds, testRows });
  if (options.report !== undefined) writeReport(report, options.report);
  return report;
}

async function runNetwork(
  options: TestnetOptions,
  data: RunData,
  progress: Progress,
  signal: AbortSignal,
): Promise<{ peers: PeerRecord[]; incidents: Incident[]; missed: readonly Fault[] }> {
  const incidents: Incident[] = [];
  const note = (incident: Incident) => {
    incidents.push(incident);
    progress.note(`peer ${incident.peer}, round ${incident.round + 1}: ${incident.what}`);
  };
  const network = await openNetwork(options, data, note, signal);
  const { members, troubles } = network;
  try {
    const page = await openPage(network, options, incidents);
    try {
      progress.note(`the whole network: ${page.url}`);
      await watchNetwork(network, options, { progress, note }, signal);
      await pollFleet(members);
      progress.update(members);
    } catch (error) {
      // Whoever interrupts it wants to see how far it came.
      if (!signal.aborted) throw error;
      await pollFleet(members);
    } finally {
      progress.close();
      await page.close();
      await network.stop();
    }
    return { peers: members.map(recordOf), incidents, missed: troubles.due };
  } finally {
    network.remove();
  }
}

/** What the network is compared with; null where a signal ended the run. */
async function baselinesUnless(
  signal: AbortSignal,
  work: () => Promise<Baselines>,
): Promise<Baselines | null> {
  if (signal.aborted) return null;
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

/** What a peer left behind: its last status, and the rounds and evidence in its store, read after it has stopped. */
function recordOf({ plan, status }: Member): PeerRecord {
  const { id, index, label, role, rows } = plan;
  const peer = { id, index, label, role, rows, status };
  if (status === null) return { ...peer, rounds: [], evidence: [] };
  const store = openStore(dataFolder(plan.folder));
  try {
    const rounds = [...store.rounds(status.run, status.rounds)].sort((a, b) => a.round - b.round);
    return { ...peer, rounds, evidence: store.evidence(status.run, EVIDENCE_MAX) };
  } finally {
    store.close();
  }
}
