import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  createIdentity,
  encodeTicket,
  generateIdentity,
  type Identity,
} from "../../src/gossip/index.ts";
import { writeAdmissions, writeTicket } from "../../src/node/admission/admission-files.ts";
import { identityFile, statusAddressFile } from "../../src/node/folders/data-folder.ts";
import { statusToken } from "../../src/node/http/status-token.ts";
import { encodeChange, signChange } from "../../src/node/membership/change-file.ts";
import { placeChange } from "../../src/node/membership/change-folder.ts";
import { TrainingCheckpoints } from "../../src/node/past/training-checkpoints.ts";
import { sealedJson } from "../../src/node/store/sealed-json.ts";
import { openStore } from "../../src/node/store/store.ts";
import { createRandom } from "../../testnet/random.ts";
import type { Region } from "./damage.ts";
import { keepRun, RUN } from "./kept-run.ts";

/** One kind of file that a node keeps. */
export interface FileKind {
  readonly name: string;
  /** In the folder. */
  readonly path: string;
  /** The parts that are damaged; all of it where null. */
  readonly regions: readonly Region[] | null;
  /** The folder as it was when the node was killed, or as it is when it has stopped. */
  readonly state: "stopped" | "killed";
}

/** Where a training alone keeps what it goes on from. */
export const TRAINED = "trained";
const LEDGER = "ledger.sqlite";
const TABLES = ["rounds", "evidence", "said", "chain", "results"] as const;

/** A folder with everything that nodes keep, as one leaves it that stops, and as one that is killed; and what is in it. */
export async function makeKeptFolder(folder: string): Promise<readonly FileKind[]> {
  const stopped = join(folder, "stopped");
  const killed = join(folder, "killed");
  const store = openStore(stopped);
  try {
    const identity = await createIdentity(identityFile(stopped));
    await keepAround(stopped, identity);
    keepRun(store, identity.peerId);
    // what is on disk at this moment is what a node leaves that is killed
    cpSync(stopped, killed, { recursive: true });
  } finally {
    store.close();
  }
  return kindsIn(folder);
}

/** The bytes of a file of the folder. */
export function bytesIn(folder: string, { state, path }: FileKind): Uint8Array {
  return readFileSync(join(folder, state, path));
}

// --- internal ---

/** What lies beside the store. */
async function keepAround(folder: string, identity: Identity): Promise<void> {
  const { peerId } = identity;
  const random = createRandom(1, "admissions");
  const bytes = (length: number) => Uint8Array.from({ length }, () => Math.floor(random() * 256));
  const addresses = ["/ip4/192.0.2.7/tcp/7117"];
  const others = await Promise.all([generateIdentity(), generateIdentity()]);
  const members = [identity, ...others];
  const right = { secret: bytes(16), seats: 2 };
  writeAdmissions(folder, {
    ...{ creator: { peer: peerId, addresses }, run: RUN, offer: bytes(900), seats: 4 },
    ...{ expires: 1.8e12, rights: [right], sealed: bytes(1200) },
    admitted: others.map((each) => ({ peer: each.peerId, addresses, right: "0123456789abcdef" })),
  });
  const ticket = { run: RUN, creator: peerId, addresses, secret: right.secret, expires: 1.8e12 };
  writeTicket(folder, encodeTicket(ticket));
  statusToken(folder);
  const url = "http://127.0.0.1:7118";
  writeFileSync(statusAddressFile(folder), sealedJson({ url, pid: 4711 }));
  let change = await signChange(
    {
      ...{ kind: "remove", run: RUN, members: members.map((each) => each.peerId).toSorted() },
      ...{ peer: peerId, successor: null, consent: null, signatures: {} },
    },
    identity,
  );
  for (const each of others) change = await signChange(change, each);
  placeChange(folder, "remove", encodeChange(change));
  keepTraining(join(folder, TRAINED));
}

/** Two checkpoints of `klatch train`. */
function keepTraining(folder: string): void {
  const checkpoints = new TrainingCheckpoints(folder);
  for (const steps of [10, 20]) {
    const adapter = Float32Array.from({ length: 64 }, (_, i) => steps + i / 4);
    const optimizer = { step: steps, firstMoment: adapter, secondMoment: adapter };
    const counts = { steps, tokens: 900, positions: 1000, seconds: 7, loss: 1.5, misses: 0 };
    const best = { adapter, bestStep: steps, heldOut: null };
    const state = { adapter, optimizer, round: 1, progress: { ...counts, best } };
    checkpoints.save({ state, settings: { seed: "1" }, before: null });
  }
}

function kindsIn(folder: string): readonly FileKind[] {
  const stopped = (name: string, path: string): FileKind => ({
    ...{ name, path, regions: null, state: "stopped" },
  });
  const run = (file: string) => `runs/${RUN}/${file}`;
  const pages = pagesOf(join(folder, "stopped", LEDGER));
  return [
    stopped("checkpoint", run("checkpoint-00000040.klatch")),
    stopped("update", run("update-00000040.klatch")),
    stopped("training of a round", run("training-00000040.klatch")),
    stopped("round to mix again", run("round-00000039.klatch")),
    stopped("run record", run("run.json")),
    stopped("ledger", LEDGER),
    ...TABLES.map(
      (table): FileKind => ({
        ...{ name: `ledger: ${table}`, path: LEDGER, state: "stopped" },
        regions: pages.get(table) ?? [],
      }),
    ),
    { name: "ledger's journal", path: `${LEDGER}-wal`, regions: null, state: "killed" },
    { name: "ledger's index of it", path: `${LEDGER}-shm`, regions: null, state: "killed" },
    stopped("lock", "lock.db"),
    stopped("holder of the lock", "lock.pid"),
    stopped("identity", "identity.json"),
    stopped("address of the status", "status.json"),
    stopped("token of the status", "status-token"),
    stopped("admissions", "admissions.json"),
    stopped("ticket", "ticket"),
    stopped("change of members", "member-changes/remove.json"),
    stopped("training alone", `${TRAINED}/checkpoint/training-00000020.klatch`),
  ];
}

/** The pages of each table in a database, those of its indexes too. */
function pagesOf(path: string): ReadonlyMap<string, readonly Region[]> {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const sql =
      "SELECT tbl_name AS name, pgoffset AS offset, pgsize AS size FROM dbstat JOIN sqlite_master USING (name)";
    const pages = Map.groupBy(database.prepare(sql).all(), ({ name }) => String(name));
    return new Map(
      [...pages].map(([name, rows]) => [
        name,
        rows.map(({ offset, size }) => ({
          from: Number(offset),
          to: Number(offset) + Number(size),
        })),
      ]),
    );
  } finally {
    database.close();
  }
}
