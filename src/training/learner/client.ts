import { SHARE_ENV, Worker } from "node:worker_threads";
import { KlatchError } from "../../errors.ts";
import { resolveModel } from "../base/resolve-model.ts";
import type { HubOptions } from "../files/hub/options.ts";
import { freshOptimizer } from "../loop/optimizer.ts";
import { Stopped } from "../loop/stopped.ts";
import type { StepMetrics } from "../loop/train-step.ts";
import { LatestStream } from "./latest-stream.ts";
import type { Learner, LearnerInfo, LearnerNotice, LearnerOptions } from "./learner.ts";
import {
  type Arguments,
  type Call,
  type Duty,
  type FromWorker,
  fromPlain,
  type Result,
  type ToWorker,
  type WorkerTask,
} from "./messages.ts";

/**
 * Young objects of the thread, MiB. By itself their part of the heap grows to 48 MiB, for no gain: what is large lies
 * outside of the heap.
 */
const YOUNG_MEBIBYTES = 12;

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
  onStep?: ((step: StepMetrics) => void) | undefined;
}

/** The main thread's end of a learner's worker: numbered calls, their answers, and one way to die. */
class WorkerClient {
  readonly ready: Promise<LearnerInfo>;
  readonly #worker: Worker;
  readonly #onNotice: (notice: LearnerNotice) => void;
  readonly #waiting = new Map<number, Waiting>();
  /** Of the last change; undefined before any. */
  engine: string | undefined;
  #next = 1;
  #dead: Error | undefined;
  #closed: Promise<void> | undefined;

  constructor(task: WorkerTask, onNotice: (notice: LearnerNotice) => void) {
    this.#onNotice = onNotice;
    // The worker has this file's extension: .ts in a checkout, .js when built.
    const file = new URL(`./worker${import.meta.url.slice(-3)}`, import.meta.url);
    // Native libraries read the process's environment, of which a thread otherwise has a copy.
    this.#worker = new Worker(file, {
      workerData: task,
      name: "learner",
      env: SHARE_ENV,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEBIBYTES },
    });
    this.ready = new Promise((resolve, reject) => {
      this.#waiting.set(0, { resolve: (info) => resolve(info as LearnerInfo), reject });
    });
    this.#worker.on("message", (message: FromWorker) => this.#receive(message));
    this.#worker.on("error", (cause) => this.#die(crash(cause)));
    this.#worker.on("exit", (code) => this.#die(crash(new Error(`exit code ${code}`))));
  }

  #receive(message: FromWorker): void {
    if ("notice" in message) {
      this.#onNotice(message.notice);
      return;
    }
    if ("engine" in message) {
      this.engine = message.engine;
      return;
    }
    const id = "id" in message ? message.id : 0;
    const waiting = this.#waiting.get(id);
    if ("step" in message) {
      waiting?.onStep?.(message.step);
      return;
    }
    this.#waiting.delete(id);
    if ("ready" in message) waiting?.resolve(message.ready);
    else if ("result" in message) waiting?.resolve(message.result);
    else waiting?.reject(fromPlain("failed" in message ? message.failed : message.error));
  }

  #die(error: Error): void {
    this.#dead ??= error;
    const abandoned = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiting of abandoned) waiting.reject(error);
  }

  /** Asks the worker; with a signal, gives up when it aborts and the worker has reached the end of a step. */
  async call<D extends Duty>(
    duty: D,
    values: Arguments<D>,
    signal?: AbortSignal,
    onStep?: (step: StepMetrics) => void,
  ): Promise<Result<D>> {
    signal?.throwIfAborted();
    if (this.#closed !== undefined) throw closed();
    if (this.#dead !== undefined) throw this.#dead;
    const id = this.#next++;
    const stop = () => this.#worker.postMessage({ stop: id } satisfies ToWorker);
    signal?.addEventListener("abort", stop, { once: true });
    try {
      return await new Promise<Result<D>>((resolve, reject) => {
        this.#waiting.set(id, {
          resolve: (result) => resolve(result as Result<D>),
          reject,
          onStep,
        });
        this.#worker.postMessage({ id, duty, arguments: values } as Call);
      });
    } catch (error) {
      if (error instanceof Stopped) signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  /** Waits for what was asked before, frees the engine and ends the thread. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    if (this.#dead === undefined) await this.call("close", []);
    await this.#worker.terminate();
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}

function closed(): KlatchError {
  return new KlatchError("internal", "the learner is closed", "this is a bug in Klatch: report it");
}

function crash(cause: Error): KlatchError {
  const memory = "code" in cause && cause.code === "ERR_WORKER_OUT_OF_MEMORY";
  return new KlatchError(
    memory ? "memory" : "engine",
    `the learner's thread ended: ${cause.message}`,
    memory ? "lower the batch size or the sequence length" : "start again; run klatch doctor",
    { cause },
  );
}

/**
 * Opens a learner in a worker thread of its own: reads model, tokenizer and data, and prepares the engine. A model of
 * the hub is fetched first; without `hub` only folders are known. `onNotice` hears of what the learner does on its own:
 * smaller parts of a batch, another engine.
 *
 * @throws KlatchError `data`, `incompatible` or `usage` as the files and options deserve; `engine` or `memory` when the
 *   thread dies, then and from every later call
 */
export async function createLearner(
  options: LearnerOptions,
  hub?: HubOptions,
  onNotice: (notice: LearnerNotice) => void = () => {},
): Promise<Learner> {
  const { folder, origin } = await resolveModel(options.model, hub);
  const client = new WorkerClient({ options: { ...options, model: folder }, origin }, onNotice);
  try {
    return connect(client, await client.ready);
  } catch (error) {
    await client.terminate();
    throw error;
  }
}

function connect(client: WorkerClient, opened: LearnerInfo): Learner {
  const info: LearnerInfo = {
    ...opened,
    get engine() {
      return client.engine ?? opened.engine;
    },
  };
  return {
    info,
    initialAdapter: () => client.call("initialAdapter", []),
    initialOptimizer: () => freshOptimizer(info.layout.length),
    train: (request, signal) => client.call("train", [request], signal),
    watchTraining(request, signal) {
      const steps = new LatestStream<StepMetrics>();
      const result = client
        .call("train", [request], signal, (step) => steps.push(step))
        .finally(() => steps.end());
      // A reader of the steps alone must not be ended by a rejection that nobody awaits.
      result.catch(() => {});
      return { steps, result };
    },
    evaluate: (adapter, set) => client.call("evaluate", [adapter, set]),
    probe: (adapter, candidates, options) => client.call("probe", [adapter, candidates, options]),
    slope: (adapter, options) => client.call("slope", [adapter, options]),
    generate: (adapter, request) => client.call("generate", [adapter, request]),
    classify: (adapter, texts) => client.call("classify", [adapter, texts]),
    exportAdapter: (...request) => client.call("exportAdapter", request),
    exportMerged: (...request) => client.call("exportMerged", request),
    importAdapter: (folder) => client.call("importAdapter", [folder]),
    planMemory: () => client.call("planMemory", []),
    close: () => client.close(),
  };
}
