import type { Life } from "./life.ts";

/** Where a process dies among its calls of ports. */
export interface CrashPoint {
  readonly call: number;
  readonly when: "before" | "after";
}

/**
 * Counts the calls that a process makes of its ports, and ends it at one of them: between any two things that it
 * does.
 */
export class PortCalls {
  readonly #life: Life;
  readonly #crash: CrashPoint | null;
  readonly #onCrash: () => void;
  #count = 0;

  constructor(life: Life, crash: CrashPoint | null, onCrash: () => void) {
    this.#life = life;
    this.#crash = crash;
    this.#onCrash = onCrash;
  }

  get count(): number {
    return this.#count;
  }

  /** `port` with every call of a method counted. */
  counted<T extends object>(port: T): T {
    const counted = new Map<string | symbol, unknown>();
    return new Proxy(port, {
      get: (_, key) => {
        const known = counted.get(key);
        if (known !== undefined) return known;
        const value = Reflect.get(port, key, port) as unknown;
        if (typeof value !== "function") return value;
        const method = (...args: unknown[]) => this.#around(value, port, args);
        counted.set(key, method);
        return method;
      },
    });
  }

  // biome-ignore lint/complexity/noBannedTypes: any method of a port
  #around(method: Function, port: object, args: readonly unknown[]): unknown {
    this.#life.check();
    this.#count += 1;
    const isHere = this.#crash?.call === this.#count;
    if (isHere && this.#crash.when === "before") this.#end();
    this.#life.check();
    const result: unknown = method.apply(port, args);
    if (isHere && this.#crash.when === "after") this.#end();
    return result;
  }

  #end(): void {
    this.#life.end();
    this.#onCrash();
  }
}
