/** The part of a structured logger (pino's shape) that the wire needs. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** A logger that says nothing: the default, so that the library is quiet. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
};

/** The one line of whatever was thrown; libp2p also rejects with close events, which carry their error inside. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message === "" ? thrown.name : thrown.message;
  if (thrown instanceof Event && "error" in thrown && thrown.error !== undefined) {
    return reasonOf(thrown.error);
  }
  if (thrown instanceof Event) return `the stream sent "${thrown.type}"`;
  return String(thrown);
}
