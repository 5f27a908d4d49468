import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Collusion } from "../attacks/attack.ts";

/** How long an attacker waits for what the others have trained: one of them may be down. */
const PATIENCE_MS = 5000;
const LOOK_MS = 50;

/**
 * The side channel of attackers in processes of their own: a folder in which each leaves what honest training gave it.
 * Nobody shows them what the honest train, so their own updates are the estimate.
 *
 * @param index - Of this attacker among all of them.
 */
export function throughFolder(
  folder: string,
  index: number,
  attackers: number,
): Collusion["updatesOf"] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fileOf = (round: number, attacker: number) => join(folder, `${round}-${attacker}.f32`);
  return async (round, own) => {
    leave(fileOf(round, index), own);
    // whoever is a round behind still reads the one before
    rmSync(fileOf(round - 2, index), { force: true });
    const files = Array.from({ length: attackers }, (_, attacker) => fileOf(round, attacker));
    const deadline = Date.now() + PATIENCE_MS;
    while (!files.every(existsSync) && Date.now() < deadline) await delay(LOOK_MS);
    return files.filter(existsSync).flatMap((file) => read(file, own.length) ?? []);
  };
}

// --- internal ---

/** Whole or not at all. */
function leave(file: string, update: Float32Array): void {
  writeFileSync(`${file}.new`, new Uint8Array(update.buffer, update.byteOffset, update.byteLength));
  renameSync(`${file}.new`, file);
}

/** Null for what is no update of that length. */
function read(file: string, length: number): Float32Array | null {
  const bytes = Uint8Array.from(readFileSync(file));
  return bytes.byteLength === 4 * length ? new Float32Array(bytes.buffer) : null;
}
