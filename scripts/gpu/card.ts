import { execFile } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";

export interface Card {
  readonly name: string;
  readonly driver: string;
  readonly memoryBytes: number;
}

const MIB = 2 ** 20;
const ANSWER_MS = 5000;
const PAUSE_MS = 300;

/** The first NVIDIA card; null where its maker's tool is not there or finds none. */
export async function readCard(): Promise<Card | null> {
  const answer = await ask("name,driver_version,memory.total");
  const [name, driver, mebibytes] = answer?.split(", ") ?? [];
  if (name === undefined || driver === undefined) return null;
  return { name, driver, memoryBytes: Number(mebibytes) * MIB };
}

/** Looks every moment at how much of the card's memory is taken, by whatever process. */
export class MemoryWatch {
  #least = Number.POSITIVE_INFINITY;
  #most = 0;
  #isOpen = true;
  readonly #done: Promise<void>;

  constructor() {
    this.#done = this.#look();
  }

  /** Ends; the most bytes that were taken beyond the least, null where nobody told. */
  async close(): Promise<number | null> {
    this.#isOpen = false;
    await this.#done;
    return this.#most === 0 ? null : (this.#most - this.#least) * MIB;
  }

  async #look(): Promise<void> {
    while (this.#isOpen) {
      const used = Number((await ask("memory.used")) ?? Number.NaN);
      if (Number.isNaN(used)) return;
      this.#least = Math.min(this.#least, used);
      this.#most = Math.max(this.#most, used);
      await wait(PAUSE_MS);
    }
  }
}

// --- internal ---

async function ask(query: string): Promise<string | null> {
  const flags = ["--id=0", `--query-gpu=${query}`, "--format=csv,noheader,nounits"];
  try {
    const { stdout } = await promisify(execFile)("nvidia-smi", flags, { timeout: ANSWER_MS });
    return stdout.trim();
  } catch {
    // Not installed, or without a card.
    return null;
  }
}
