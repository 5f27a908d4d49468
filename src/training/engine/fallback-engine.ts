import { KlatchError } from "../../errors.ts";
import type { Arrays, TypedArray, Value } from "../graph/value.ts";
import type { Engine, Program } from "./engine.ts";

type Outputs = Readonly<Record<string, Value>>;

/**
 * The engine `first` until one of its calls fails for another reason than memory: its device is gone. From then on it
 * is the engine that `openSecond` gives, which repeats the failed call. What a learner must not lose lies in its own
 * arrays, so a change of engine costs time and nothing else. `onLoss` is told once, before the second engine opens.
 */
export function withFallback(
  first: Engine,
  openSecond: () => Promise<Engine>,
  onLoss: (cause: KlatchError) => void,
): Engine {
  return new FallbackEngine(first, openSecond, onLoss);
}

class FallbackEngine implements Engine {
  readonly copyBytesMax: number | undefined;
  readonly soleCopyBytesMax: number | undefined;
  readonly keep?: (arrays: Iterable<TypedArray>) => void;
  readonly #first: Engine;
  readonly #openSecond: () => Promise<Engine>;
  readonly #onLoss: (cause: KlatchError) => void;
  #second: Engine | undefined;

  constructor(
    first: Engine,
    openSecond: () => Promise<Engine>,
    onLoss: (cause: KlatchError) => void,
  ) {
    this.#first = first;
    this.#openSecond = openSecond;
    this.#onLoss = onLoss;
    this.copyBytesMax = first.copyBytesMax;
    this.soleCopyBytesMax = first.soleCopyBytesMax;
    if (first.keep !== undefined) this.keep = (arrays) => first.keep?.(arrays);
  }

  get name(): string {
    return (this.#second ?? this.#first).name;
  }

  get isLost(): boolean {
    return this.#second !== undefined;
  }

  async compile(outputs: Outputs): Promise<Program> {
    if (this.#second !== undefined) return this.#second.compile(outputs);
    try {
      return new FallbackProgram(this, outputs, await this.#first.compile(outputs));
    } catch (cause) {
      return (await this.secondAfter(cause)).compile(outputs);
    }
  }

  /** The second engine, opened now when `cause` is the first one's end; rethrows what is not. */
  async secondAfter(cause: unknown): Promise<Engine> {
    if (!(cause instanceof KlatchError) || cause.code !== "engine") throw cause;
    if (this.#second === undefined) {
      this.#onLoss(cause);
      this.#second = await this.#openSecond();
    }
    return this.#second;
  }

  async close(): Promise<void> {
    await this.#second?.close();
    await this.closeFirst(this.#first);
  }

  /** Closes what belongs to the first engine; of a device that is gone nothing can be freed. */
  async closeFirst(part: Pick<Engine | Program, "close">): Promise<void> {
    try {
      await part.close();
    } catch (cause) {
      if (!this.isLost) throw cause;
    }
  }
}

/** A program of the first engine that moves to the second when the first is lost. */
class FallbackProgram implements Program {
  readonly #engine: FallbackEngine;
  readonly #outputs: Outputs;
  readonly #first: Program;
  #second: Program | undefined;

  constructor(engine: FallbackEngine, outputs: Outputs, first: Program) {
    this.#engine = engine;
    this.#outputs = outputs;
    this.#first = first;
  }

  async run(feeds: Arrays, into?: Arrays): Promise<Arrays> {
    if (!this.#engine.isLost) {
      try {
        return await this.#first.run(feeds, into);
      } catch (cause) {
        await this.#engine.secondAfter(cause);
      }
    }
    this.#second ??= await this.#engine.compile(this.#outputs);
    return this.#second.run(feeds, into);
  }

  async close(): Promise<void> {
    await this.#second?.close();
    await this.#engine.closeFirst(this.#first);
  }
}
