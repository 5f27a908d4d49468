import { closeSync, cpSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { RunData } from "../data/run-data.ts";
import { requireRoot, run } from "../namespaces/commands.ts";
import { TwoNetworks } from "../namespaces/two-networks.ts";
import type { TestnetOptions } from "../options.ts";
import { dataFolder, LOOPBACK, type Site } from "./peer-config.ts";

const DISK_BYTES = 64 * 1024 ** 2;
const CHUNK = Buffer.alloc(256 * 1024);
/** What makes a disk full. */
const FILLER = "filler";

/**
 * What the peers of a run stand on where faults need more than a process: two networks that can be parted, and small disks
 * of their own. Takes root for either; nothing is made where no fault needs it.
 */
export class Ground {
  readonly #networks: TwoNetworks | null;
  readonly #second: ReadonlySet<number>;
  /** Data folders that are disks, by the index of the peer. */
  readonly #disks = new Map<number, string>();

  /** @throws KlatchError `usage` when not root; what was made by then is taken away again */
  constructor({ faults }: Pick<TestnetOptions, "faults">, data: RunData) {
    const parted = faults.find((one) => one.do === "part");
    this.#second = new Set(parted?.peers.map((peer) => peer - 1));
    this.#networks = parted === undefined ? null : new TwoNetworks();
    try {
      for (const one of faults) {
        const folder = data.peers[one.do === "fill-disk" ? one.peer - 1 : -1]?.folder;
        if (one.do !== "fill-disk" || folder === undefined) continue;
        if (!this.#disks.has(one.peer - 1)) this.#addDisk(one.peer - 1, folder, one.size);
      }
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** Where a peer runs. */
  siteOf(index: number): Site {
    return this.#networks?.sites[this.#second.has(index) ? 1 : 0] ?? LOOPBACK;
  }

  /** From now on nothing passes between the two networks; what is sent gets lost. */
  part(): void {
    this.#networks?.part();
  }

  /** What is sent arrives again. */
  join(): void {
    this.#networks?.join();
  }

  /** Takes all the room that is left on a peer's disk. */
  fillDisk(index: number): void {
    const disk = this.#disks.get(index);
    if (disk === undefined) return;
    const file = openSync(join(disk, FILLER), "w");
    try {
      for (const part of [CHUNK, CHUNK.subarray(0, 4096), CHUNK.subarray(0, 1)]) {
        while (isWritten(file, part));
      }
    } finally {
      closeSync(file);
    }
  }

  /** Gives the room back. */
  emptyDisk(index: number): void {
    const disk = this.#disks.get(index);
    if (disk !== undefined) rmSync(join(disk, FILLER), { force: true });
  }

  /** Takes all of it away; what lies on the disks is left where they were. */
  remove(): void {
    this.#networks?.remove();
    for (const disk of this.#disks.values()) {
      const kept = `${disk}.kept`;
      cpSync(disk, kept, { recursive: true, preserveTimestamps: true });
      run("umount", disk);
      rmSync(disk, { recursive: true });
      renameSync(kept, disk);
    }
    this.#disks.clear();
  }

  // --- internal ---

  #addDisk(index: number, folder: string, size: number = DISK_BYTES): void {
    requireRoot("disks of one's own");
    const disk = dataFolder(folder);
    mkdirSync(disk, { recursive: true, mode: 0o700 });
    run("mount", "-t", "tmpfs", "-o", `size=${size},mode=0700`, "klatch-testnet", disk);
    this.#disks.set(index, disk);
  }
}

// --- internal ---

/** Whether there was room for it. */
function isWritten(file: number, part: Uint8Array): boolean {
  try {
    return writeSync(file, part) === part.length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") return false;
    throw error;
  }
}
