import type { Value } from "../graph/value.ts";
import type { Engine, Program } from "./engine.ts";

/** Compiled programs by key, at most `limit` of them; the one unused for longest makes room. */
export class ProgramCache {
  readonly #engine: Engine;
  readonly #limit: number;
  readonly #programs = new Map<string, Program>();

  constructor(engine: Engine, limit: number) {
    this.#engine = engine;
    this.#limit = limit;
  }

  get size(): number {
    return this.#programs.size;
  }

  /** Whether there are programs besides that for `key`. */
  hasOthers(key: string): boolean {
    return this.#programs.size > (this.#programs.has(key) ? 1 : 0);
  }

  /** The program for `key`, compiled from `build()` when there is none yet. */
  async get(key: string, build: () => Readonly<Record<string, Value>>): Promise<Program> {
    const known = this.#programs.get(key);
    if (known !== undefined) {
      this.#programs.delete(key);
      this.#programs.set(key, known);
      return known;
    }
    for (const [oldest, program] of this.#programs) {
      if (this.#programs.size < this.#limit) break;
      this.#programs.delete(oldest);
      await program.close();
    }
    const made = await this.#engine.compile(build());
    this.#programs.set(key, made);
    return made;
  }

  async close(): Promise<void> {
    const programs = [...this.#programs.values()];
    this.#programs.clear();
    for (const program of programs) await program.close();
  }
}
