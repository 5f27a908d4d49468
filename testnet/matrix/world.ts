import { dirname, join } from "node:path";
import type { Learner } from "../../src/training/index.ts";
import { triggered } from "../attacks/backdoor-attacks.ts";
import { openLearner } from "../baselines.ts";
import { askedCanaries } from "../data/canaries.ts";
import { type Row, readPooledRows, writeRows } from "../data/rows.ts";
import { prepareData, type RunData } from "../data/run-data.ts";
import { memberFiles } from "../federation/agreed-run.ts";
import type { TestnetOptions } from "../options.ts";
import { makeTestnetScratch } from "../working-folder.ts";

/** Test rows at most that are asked with a backdoor's trigger. */
const TRIGGERED_MAX = 1000;

/** The members of a federation with their data and learners, which cells use one after the other. */
export class World {
  readonly #options: TestnetOptions;
  #scratch: Awaited<ReturnType<typeof makeTestnetScratch>> | null = null;
  #data: RunData | null = null;
  readonly #learners: Learner[] = [];
  /** Reads rows with a backdoor's trigger. */
  #witness: Learner | null = null;
  /** Is asked what is to be refused. */
  #asked: Learner | null = null;

  constructor(options: TestnetOptions) {
    this.#options = options;
  }

  /** Opens it the first time: who finds every cell kept opens nothing. */
  async members(): Promise<{ readonly data: RunData; readonly learners: readonly Learner[] }> {
    this.#scratch ??= await makeTestnetScratch();
    this.#data ??= await prepareData(this.#options, this.#scratch.path);
    for (const files of memberFiles(this.#options, this.#data).slice(this.#learners.length)) {
      this.#learners.push(await openLearner(this.#options, files));
    }
    return { data: this.#data, learners: this.#learners };
  }

  /** Share of the test rows with a backdoor's trigger that a state answers as its attackers want; null without answers. */
  async opened(state: Float32Array): Promise<number | null> {
    const { data } = await this.members();
    this.#witness ??= await this.#openWitness(data);
    return this.#witness && (await this.#witness.evaluate(state, "test")).exactMatch;
  }

  /** Share of the canaries that no peer has which a state refuses; null in a run without canaries. */
  async refused(state: Float32Array): Promise<number | null> {
    const { columns, canaries } = this.#options;
    if (canaries === 0) return null;
    const { data } = await this.members();
    this.#asked ??= await this.#openOn(
      "canaries.jsonl",
      askedCanaries(await readPooledRows(data.testFile, "--test", { use: "test" }), columns),
    );
    return this.#asked && (await this.#asked.evaluate(state, "test")).exactMatch;
  }

  /** A learner that reads rows with the trigger, as many as tell a share to within a point or two, from all over the test set. */
  async #openWitness({ testFile, target }: RunData): Promise<Learner | null> {
    const rows = await readPooledRows(testFile, "--test", { use: "test" });
    const each = Math.ceil(rows.length / TRIGGERED_MAX);
    const sample = rows.filter((_, index) => index % each === 0);
    const asked = triggered(sample, { columns: this.#options.columns, target });
    return this.#openOn("triggered.jsonl", asked);
  }

  /** A learner with a test set of its own; null without rows. */
  async #openOn(name: string, rows: readonly Row[]): Promise<Learner | null> {
    if (rows.length === 0) return null;
    const { data } = await this.members();
    const test = join(dirname(data.testFile), name);
    writeRows(test, rows);
    return openLearner(this.#options, { test, classes: data.classes });
  }

  async close(): Promise<void> {
    await Promise.all([this.#witness?.close(), this.#asked?.close()]);
    this.#witness = null;
    this.#asked = null;
    await Promise.all(this.#learners.splice(0).map((learner) => learner.close()));
    this.#scratch?.remove();
    this.#scratch = null;
    this.#data = null;
  }
}
