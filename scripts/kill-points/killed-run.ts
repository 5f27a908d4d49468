import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createIdentity, decodeEntry } from "../../src/gossip/index.ts";
import { identityFile } from "../../src/node/folders/data-folder.ts";
import { PastRuns } from "../../src/node/past/past-runs.ts";
import { digestOfState } from "../../src/node/peer/manifest.ts";
import { freePorts } from "../../testnet/processes/free-ports.ts";
import { createRandom } from "../../testnet/random.ts";
import { KILL_POINTS, type KillPoint } from "./points.ts";
import type { QuickMember } from "./quick-node.ts";

/** What came of a run of four members one of which was killed once. */
export interface KilledRun {
  readonly point: KillPoint;
  readonly seed: number;
  /** At which of its calls it died. */
  readonly nth: number;
  readonly wasKilled: boolean;
  readonly seconds: number;
  /** What was lost, contradicted or is different among the members; nothing where all is well. */
  readonly faults: readonly string[];
}

const MEMBERS = 4;
const ROUNDS = 5;
const DEADLINE_MS = 120_000;
const MEMBER_FILE = join(import.meta.dirname, "member.ts");

/** Runs four members; the last dies at a point, is started again, and all are to end alike. */
export async function runKilled(
  folder: string,
  point: KillPoint,
  seed: number,
): Promise<KilledRun> {
  const from = performance.now();
  const nth = 1 + Math.floor(createRandom(seed, point)() * KILL_POINTS[point].most);
  const members = await makeMembers(folder, seed);
  const others = members.slice(0, -1).map((member) => new MemberProcess(member));
  const [last] = members.slice(-1) as [QuickMember];
  const victim = new MemberProcess(last, [point, String(nth)]);
  const all = [...others];
  try {
    const wasKilled = (await victim.ended) === "SIGKILL";
    all.push(wasKilled ? new MemberProcess(last) : victim);
    await Promise.all(all.map(({ finished }) => finished));
    await Promise.all(all.map((each) => each.stop()));
    const faults = [...(wasKilled ? [] : ["it did not die"]), ...faultsOf(members)];
    const seconds = Math.round((performance.now() - from) / 100) / 10;
    return { point, seed, nth, wasKilled, seconds, faults };
  } finally {
    for (const each of [...all, victim]) each.kill();
  }
}

// --- internal ---

class MemberProcess {
  /** The signal that ended it, or null where it ended by itself or has finished the run. */
  readonly ended: Promise<NodeJS.Signals | null>;
  readonly finished: Promise<void>;
  readonly #child: ChildProcess;

  constructor(member: QuickMember, args: readonly string[] = []) {
    const child = spawn(process.execPath, [MEMBER_FILE, JSON.stringify(member), ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child = child;
    const closed = new Promise<NodeJS.Signals | null>((resolve) =>
      child.on("close", (_, signal) => resolve(signal)),
    );
    const lines = createInterface({ input: child.stdout });
    const said = new Promise<null>((resolve) => lines.once("line", () => resolve(null)));
    this.ended = Promise.race([closed, said]);
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error("a member does not finish")), DEADLINE_MS).unref();
    });
    const gone = closed.then(() => {
      throw new Error("a member ended before the run did");
    });
    this.finished = Promise.race([said.then(() => undefined), gone, late]);
    // who is killed is not waited for
    this.finished.catch(() => undefined);
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#child.on("close", resolve));
    this.#child.kill("SIGTERM");
    await closed;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

async function makeMembers(folder: string, seed: number): Promise<readonly QuickMember[]> {
  const ports = await freePorts(MEMBERS);
  const folders = ports.map((_, index) => join(folder, `member-${index}`));
  const peers = await Promise.all(
    folders.map(async (each) => {
      mkdirSync(each, { recursive: true, mode: 0o700 });
      return (await createIdentity(identityFile(each))).peerId;
    }),
  );
  return folders.map((each, index) => ({
    ...{ folder: each, index, seed, rounds: ROUNDS, peers, ports },
  }));
}

/** What the folders of the members show, once all have ended. */
function faultsOf(members: readonly QuickMember[]): readonly string[] {
  const ends = members.map(({ folder }) => endOf(folder));
  const [first] = ends;
  return ends.flatMap((end, index) => {
    const says = (isSo: boolean, what: string) => (isSo ? [`member ${index}: ${what}`] : []);
    return [
      ...end.said.map((sentence) => `member ${index}: ${sentence}`),
      ...says(end.digest !== first?.digest, "another state"),
      ...says(end.chain !== first?.chain, "another chain"),
      ...says(end.blocks !== ROUNDS, `${end.blocks} blocks`),
      ...says(end.rounds.length === 0, "no round on disk"),
      ...says(end.lies.length > 0, `believes in lies: ${end.lies.join()}`),
    ];
  });
}

function endOf(folder: string) {
  const said: string[] = [];
  const past = new PastRuns(folder, (sentence) => said.push(sentence));
  try {
    const [run = ""] = past.ids();
    const adapter = past.checkpoint(run, ROUNDS)?.adapter;
    const chain = past.chain(run);
    const blocks = chain.map((bytes) => decodeEntry(bytes)?.block);
    const kinds = past.evidence(run).map(({ kind }) => kind);
    const proven = blocks.flatMap((block) => block?.evidence ?? []).map(() => "proof in a block");
    return {
      said,
      digest: adapter && digestOfState(adapter),
      chain: Buffer.concat(chain.map(({ block }) => block)).toString("hex"),
      blocks: blocks.filter((block) => block !== undefined).length,
      rounds: past.rounds(run),
      lies: [
        ...kinds.filter((kind) => kind === "equivocation" || kind === "contradiction"),
        ...proven,
      ],
    };
  } finally {
    past.close();
  }
}
