import { createRequire } from "node:module";
import pino from "pino";
import type * as Pretty from "pino-pretty";
import type { Config } from "../config/config.ts";

/** A pino logger: `log.info({ round, peers }, "round started")`. Constant message, lower case, values as fields. */
export type Logger = pino.Logger;

/** What must never reach a log, at the top or one level down. */
const SECRETS = [
  "privateKey",
  "networkKey",
  "key",
  "secret",
  "token",
  "password",
  "adapter",
  "payload",
];

/** Where lines go; a terminal says so, and whether it shows colours (it honours NO_COLOR). */
export interface LogDestination {
  readonly isTTY?: boolean;
  write(text: string): unknown;
  hasColors?(): boolean;
}

/**
 * The root logger. Writes to the standard error stream, so that standard output stays for results: for people on a
 * terminal, one JSON object a line elsewhere.
 */
export function createLogger(
  options: Config["log"],
  destination: LogDestination = process.stderr,
): Logger {
  const forPeople =
    options.format === "pretty" || (options.format === "auto" && destination.isTTY === true);
  const settings: pino.LoggerOptions = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: "[redacted]" },
  };
  return pino(
    settings,
    forPeople ? prettyStream(destination) : { write: (line) => destination.write(line) },
  );
}

/** A logger that writes nothing. */
export function silentLogger(): Logger {
  return createLogger({ level: "silent", format: "json" }, { write: () => undefined });
}

// --- internal ---

/** Loaded here: most nodes write for machines. */
function prettyStream(destination: LogDestination): pino.DestinationStream {
  const pretty = createRequire(import.meta.url)("pino-pretty") as typeof Pretty;
  const format = pretty.prettyFactory({
    colorize: destination.hasColors?.() === true,
    translateTime: "SYS:HH:MM:ss",
    singleLine: true,
    ignore: "pid,hostname",
  });
  return { write: (line) => destination.write(format(line)) };
}
