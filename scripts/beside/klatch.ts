/**
 * Bytes on the wire, seconds and processor time of a round of Klatch, without training: what scripts/beside/others.py measures of
 * other systems. Eight nodes, each in a process of its own, on the loopback interface; all of them real but the learner, whose
 * task takes no time. Linux only.
 *
 *   unshare -rnpf --mount-proc sh -c 'ip link set lo up && node scripts/beside/klatch.ts [--peers 8] [--rounds 5]
 *     [--values 540672] [--mode agreed] [--codec sign]'
 *
 * A round is from the moment when the last node begins it to that of the next. Two rounds more go before, and do not count.
 * Prints one JSON object: medians, and each round.
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { medianOf } from "../../src/consensus/index.ts";
import { createIdentity } from "../../src/gossip/index.ts";
import { identityFile } from "../../src/node/folders/data-folder.ts";
import { sum } from "../../src/node/view/quantities.ts";
import { freePorts } from "../../testnet/processes/free-ports.ts";
import { processes, statOf } from "../memory/process-memory.ts";

/** Rounds before those that count. */
const BEFORE = 2;
const QUIET_BYTES = 4096;
const TICKS_PER_SECOND = 100;

const { values } = parseArgs({
  options: {
    peers: { type: "string", default: "8" },
    rounds: { type: "string", default: "5" },
    values: { type: "string", default: "540672" },
    mode: { type: "string", default: "agreed" },
    codec: { type: "string", default: "sign" },
  },
});
const [peers, rounds, dimensions] = [values.peers, values.rounds, values.values].map(Number) as [
  number,
  number,
  number,
];
if (bytesPassed() > QUIET_BYTES) {
  throw new Error("others use this loopback interface: run it in a network of its own (unshare)");
}
const folder = mkdtempSync(join(tmpdir(), "klatch-beside-"));
const nodes: ChildProcess[] = [];
try {
  const marks = await marked(await started());
  const each = marks.slice(1).map((mark, i) => between(marks[i] as Mark, mark));
  const middle = (key: keyof Mark) => medianOf(each.map((round) => round[key]));
  const [bytes, seconds, processor] = [middle("bytes"), middle("seconds"), middle("processor")];
  const { mode, codec } = values;
  const asked = { system: "klatch", peers, values: dimensions, mode, codec };
  process.stdout.write(
    `${JSON.stringify({ ...asked, bytes, seconds, processor, rounds: each })}\n`,
  );
} finally {
  for (const node of nodes) node.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

// --- internal ---

interface Mark {
  readonly bytes: number;
  readonly seconds: number;
  readonly processor: number;
}

/** A process for each member, which tells of each round that it begins. */
async function started(): Promise<readonly ChildProcess[]> {
  const ports = await freePorts(peers);
  const folders = ports.map((_, index) => join(folder, String(index)));
  const members: string[] = [];
  for (const each of folders) {
    mkdirSync(each, { recursive: true, mode: 0o700 });
    members.push((await createIdentity(identityFile(each))).peerId);
  }
  const bootstrap = ports.map((port, i) => `/ip4/127.0.0.1/tcp/${port}/p2p/${members[i]}`);
  for (const [index, dataDir] of folders.entries()) {
    const { mode, codec } = values;
    const run = { mode, codec, members, rounds: BEFORE + rounds + 1, steps: 1 };
    const listen = [`/ip4/127.0.0.1/tcp/${ports[index]}`];
    const network = { listen, bootstrap: bootstrap.filter((_, other) => other !== index) };
    const config = { dataDir, run, network, status: { enabled: false } };
    const terms = { index, dimensions, config };
    const program = join(import.meta.dirname, "klatch-node.ts");
    nodes.push(fork(program, [JSON.stringify(terms)], { stdio: ["ignore", 2, 2, "ipc"] }));
  }
  return nodes;
}

/** Bytes and time whenever all nodes have begun a round, from the first that counts. */
async function marked(all: readonly ChildProcess[]): Promise<readonly Mark[]> {
  const marks: Mark[] = [];
  const begun = new Map<number, number>();
  const { promise, resolve, reject } = Promise.withResolvers<readonly Mark[]>();
  for (const node of all) {
    node.on("message", (round: number) => {
      begun.set(round, (begun.get(round) ?? 0) + 1);
      if (begun.get(round) !== all.length || round < BEFORE) return;
      marks.push(mark());
      if (marks.length > rounds) resolve(marks);
    });
    node.on("exit", (code) => reject(new Error(`a node ended with ${code}`)));
  }
  return promise;
}

function mark(): Mark {
  return {
    bytes: bytesPassed(),
    seconds: performance.now() / 1000,
    processor: processorTime(),
  };
}

function between(before: Mark, after: Mark): Mark {
  return {
    bytes: after.bytes - before.bytes,
    seconds: after.seconds - before.seconds,
    processor: after.processor - before.processor,
  };
}

/** Of the loopback interface: headers of TCP and IP and acknowledgements included. */
function bytesPassed(): number {
  return Number(/^ *lo: *([0-9]+)/m.exec(readFileSync("/proc/net/dev", "utf8"))?.[1]);
}

/** Of all processes here, seconds: of each what it took itself, in the system and outside. */
function processorTime(): number {
  const ticks = processes().map((pid) => {
    const { 11: user = 0, 12: system = 0 } = statOf(pid);
    return Number(user) + Number(system);
  });
  return sum(ticks) / TICKS_PER_SECOND;
}
