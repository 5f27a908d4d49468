import { EventEmitter } from "node:events";
import { describe, expect, test, vi } from "vitest";
import {
  type ProcessHooks,
  runProcess,
  type Service,
  startAll,
  stopAll,
} from "../../../../src/node/process/lifecycle.ts";
import { silentLogger } from "../../../../src/node/process/logger.ts";

/** A service that notes what happens to it. */
function service(name: string, seen: string[], change: Partial<Service> = {}): Service {
  return {
    name,
    start: async () => void seen.push(`start ${name}`),
    stop: async () => void seen.push(`stop ${name}`),
    ...change,
  };
}

const signal = (): AbortSignal => new AbortController().signal;
const forever = (): Promise<void> => new Promise(() => undefined);

function hooks(change: Partial<ProcessHooks> = {}) {
  const events = new EventEmitter();
  const exits: number[] = [];
  const all: ProcessHooks = {
    log: silentLogger(),
    exit: (code) => void exits.push(code),
    events,
    stopMs: 1000,
    ...change,
  };
  return { events, exits, hooks: all };
}

describe("starting and stopping", () => {
  test("services start in order and stop in reverse", async () => {
    const seen: string[] = [];
    const services = ["store", "network", "driver"].map((name) => service(name, seen));

    await startAll(services, signal(), 1000);
    const failures = await stopAll(services, 1000);

    expect(failures).toEqual([]);
    expect(seen).toEqual([
      "start store",
      "start network",
      "start driver",
      "stop driver",
      "stop network",
      "stop store",
    ]);
  });

  test("when one fails to start, it and those before it are stopped in reverse, and its error is thrown", async () => {
    const seen: string[] = [];
    const error = new Error("port in use");
    const services = [
      service("store", seen),
      service("network", seen, { start: () => Promise.reject(error) }),
      service("driver", seen),
    ];

    await expect(startAll(services, signal(), 1000)).rejects.toBe(error);

    expect(seen).toEqual(["start store", "stop network", "stop store"]);
  });

  test("a signal between two starts stops what has started", async () => {
    const seen: string[] = [];
    const controller = new AbortController();
    const reason = new Error("stopped");
    const services = [
      service("store", seen, { start: async () => controller.abort(reason) }),
      service("network", seen),
    ];

    await expect(startAll(services, controller.signal, 1000)).rejects.toBe(reason);

    expect(seen).toEqual(["stop store"]);
  });

  test("one that fails or hangs is named and keeps no other from stopping", async () => {
    const seen: string[] = [];
    const services = [
      service("store", seen),
      service("network", seen, { stop: forever }),
      service("driver", seen, { stop: () => Promise.reject(new Error("broken")) }),
    ];

    const failures = await stopAll(services, 40);

    expect(seen).toEqual(["stop store"]);
    expect(failures).toEqual([
      "driver: broken",
      expect.stringMatching(/^network: not stopped within \d+ ms$/),
    ]);
  });
});

describe("the process", () => {
  test("ends with 0 when the work ends, and leaves no listener behind", async () => {
    const { events, exits, hooks: all } = hooks();

    expect(await runProcess(async () => undefined, all)).toBe(0);

    expect(exits).toEqual([]);
    expect(events.eventNames()).toEqual([]);
  });

  test("passes on the error of the work", async () => {
    const error = new Error("no such model");

    await expect(runProcess(() => Promise.reject(error), hooks().hooks)).rejects.toBe(error);
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP"])(
    "a first %s aborts the work's signal, and a work that ends then ends with 0",
    async (name) => {
      const { events, exits, hooks: all } = hooks();
      const work = (signal: AbortSignal) =>
        new Promise<void>((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });

      const ended = runProcess(work, all);
      events.emit(name, name);

      expect(await ended).toBe(0);
      expect(exits).toEqual([]);
    },
  );

  test("a work that should not be interrupted ends with a code of its own when it is", async () => {
    const run = async (name: string | null) => {
      const { events, hooks: all } = hooks({ interruptedCode: 130 });
      const ended = runProcess(async (signal) => {
        if (name !== null) events.emit(name, name);
        expect(signal.aborted).toBe(name !== null);
      }, all);
      return await ended;
    };

    expect(await run("SIGINT")).toBe(130);
    expect(await run(null)).toBe(0);
  });

  test("an error while stopping is not taken for the stop itself", async () => {
    const { events, hooks: all } = hooks();
    const error = new Error("disk full");
    const ended = runProcess(
      (signal) =>
        new Promise<void>((_, reject) => {
          signal.addEventListener("abort", () => reject(error));
        }),
      all,
    );
    events.emit("SIGTERM", "SIGTERM");

    await expect(ended).rejects.toBe(error);
  });

  test("a second signal exits with 130 at once", async () => {
    const { events, exits, hooks: all } = hooks({ stopMs: 5 });
    const ended = runProcess(forever, all);
    events.emit("SIGINT", "SIGINT");
    events.emit("SIGTERM", "SIGTERM");

    expect(exits).toEqual([130]);
    await ended;
  });

  test("a stop that takes longer than its deadline exits with 1", async () => {
    vi.useFakeTimers();
    try {
      const { events, exits, hooks: all } = hooks({ stopMs: 10_000 });
      const ended = runProcess(forever, all);
      events.emit("SIGTERM", "SIGTERM");
      await vi.advanceTimersByTimeAsync(9_999);
      expect(exits).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);

      expect(await ended).toBe(1);
      expect(exits).toEqual([1]);
    } finally {
      vi.useRealTimers();
    }
  });

  test.each(["uncaughtException", "unhandledRejection"])(
    "an %s is logged and exits with 1",
    async (name) => {
      const error = vi.fn();
      const { events, exits, hooks: all } = hooks({ log: { ...silentLogger(), error } as never });
      const stop = Promise.withResolvers<void>();
      const ended = runProcess(() => stop.promise, all);
      events.emit(name, new Error("bug"));

      expect(exits).toEqual([1]);
      expect(error).toHaveBeenCalledWith({ err: new Error("bug") }, "unexpected error");
      stop.resolve();
      await ended;
    },
  );
});
