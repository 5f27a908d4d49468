import { KlatchError } from "../../errors.ts";
import type { Logger } from "./logger.ts";
import { onScriptShellGone } from "./script-shell.ts";

/** Something with a life: started once, stopped once; `stop` may be called again and after a failed start. */
export interface Service {
  readonly name: string;
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

/** Exit code of what was interrupted, as shells count it: 128 + SIGINT. */
export const EXIT_INTERRUPTED = 130;

/**
 * Ends this process. A second signal ends it by that signal, so that a shell shows 130: `process.exit` would wait for
 * threads in the middle of native code, such as a learner's step.
 */
export function endProcess(code: number): void {
  if (code !== EXIT_INTERRUPTED) process.exit(code);
  process.removeAllListeners("SIGINT");
  process.kill(process.pid, "SIGINT");
}

/** Starts services in order; when one fails, those already started are stopped in reverse and its error is thrown. */
export async function startAll(
  services: readonly Service[],
  signal: AbortSignal,
  stopMs: number,
): Promise<void> {
  const started: Service[] = [];
  try {
    for (const service of services) {
      signal.throwIfAborted();
      started.push(service);
      await service.start(signal);
    }
  } catch (error) {
    await stopAll(started, stopMs);
    throw error;
  }
}

/**
 * Stops services in reverse order. A service that fails, or is not done within its share of `stopMs`, does not keep
 * the others from stopping. Returns one sentence for each such service.
 */
export async function stopAll(
  services: readonly Service[],
  stopMs: number,
): Promise<readonly string[]> {
  const failures: string[] = [];
  const deadline = Date.now() + stopMs;
  for (const [index, service] of [...services].reverse().entries()) {
    const shareMs = Math.max(1, Math.round((deadline - Date.now()) / (services.length - index)));
    const failure = await within(
      shareMs,
      service.stop().then(
        () => null,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      ),
      `not stopped within ${shareMs} ms`,
    );
    if (failure !== null) failures.push(`${service.name}: ${failure}`);
  }
  return failures;
}

export interface ProcessHooks {
  readonly log: Pick<Logger, "info" | "warn" | "error">;
  /** Ends the process; `endProcess` but for tests. */
  readonly exit: (code: number) => void;
  /** Where signals and last-resort errors come from; `process` but for tests. */
  readonly events: NodeJS.EventEmitter;
  readonly stopMs: number;
  /** Exit code of a work that a signal ended; 0, a good end, when absent. */
  readonly interruptedCode?: number;
}

/**
 * Runs `work` under the process's signals and returns its exit code. The first SIGINT, SIGTERM or SIGHUP (a terminal
 * that is closed), or the end of the npm that runs the program, aborts the signal that `work` was given and leaves it
 * `stopMs` to end (`interruptedCode`). A second signal exits 130 at once. Unhandled errors exit 1.
 */
export async function runProcess(
  work: (signal: AbortSignal) => Promise<void>,
  hooks: ProcessHooks,
): Promise<number> {
  const { log, exit, events, stopMs } = hooks;
  const controller = new AbortController();
  const expired = Promise.withResolvers<"expired">();
  let timer: NodeJS.Timeout | undefined;

  const onSignal = (name: string): void => {
    if (controller.signal.aborted) {
      log.warn({ signal: name }, "stopped at once by a second signal");
      exit(EXIT_INTERRUPTED);
      return;
    }
    log.info({ signal: name, graceMs: stopMs }, "stopping; Ctrl-C again stops at once");
    timer = setTimeout(() => expired.resolve("expired"), stopMs);
    controller.abort(new Error(`stopped by ${name}`));
  };
  const onCrash = (error: unknown): void => {
    log.error({ err: error }, "unexpected error");
    exit(1);
  };
  const callOff = onScriptShellGone(() => {
    if (!controller.signal.aborted) onSignal("end of npm");
  });
  const listeners = {
    SIGINT: onSignal,
    SIGTERM: onSignal,
    SIGHUP: onSignal,
    uncaughtException: onCrash,
    unhandledRejection: onCrash,
  };
  for (const [event, listener] of Object.entries(listeners)) events.on(event, listener);
  try {
    const ended = await Promise.race([finish(work, controller.signal), expired.promise]);
    if (ended !== "expired") return controller.signal.aborted ? (hooks.interruptedCode ?? 0) : 0;
    log.error({ graceMs: stopMs }, "not stopped in time");
    exit(1);
    return 1;
  } finally {
    callOff();
    clearTimeout(timer);
    for (const [event, listener] of Object.entries(listeners)) events.off(event, listener);
  }
}

// --- internal ---

/** The work's own end; being cancelled by a signal is a good one. */
async function finish(
  work: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<"done"> {
  try {
    await work(signal);
  } catch (error) {
    const cancelled = signal.aborted && (error === signal.reason || isAbort(error));
    if (!cancelled) throw error;
  }
  return "done";
}

function isAbort(error: unknown): boolean {
  return !(error instanceof KlatchError) && error instanceof Error && error.name === "AbortError";
}

/** The value of a promise, or `otherwise` when it takes longer. */
async function within<T>(ms: number, promise: Promise<T>, otherwise: T): Promise<T> {
  const expired = Promise.withResolvers<T>();
  const timer = setTimeout(() => expired.resolve(otherwise), ms);
  try {
    return await Promise.race([promise, expired.promise]);
  } finally {
    clearTimeout(timer);
  }
}
