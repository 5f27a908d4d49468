import type { IncomingMessage, ServerResponse } from "node:http";
import { type EventLog, type Frame, frameOf } from "./event-log.ts";

/** Readers at a time; more are told to come again. Most connections stay for other requests. */
export const READERS_MAX = 32;
/** What waits to be read by one of them: whoever lets more pile up is cut off, and comes back for what is kept. */
const WAITING_BYTES_MAX = 256 * 1024;
/** A line in silence, so that who is gone is noticed and proxies keep the connection. */
const BEAT_MS = 15_000;
/** How long readers wait before they come back, milliseconds. */
const RETRY_MS = 2000;

/** Open streams of events. */
export class EventStreams {
  readonly #log: EventLog;
  readonly #responses = new Set<ServerResponse>();
  #beat: NodeJS.Timeout | null = null;

  constructor(log: EventLog) {
    this.#log = log;
  }

  get isFull(): boolean {
    return this.#responses.size >= READERS_MAX;
  }

  /** Sends what came after the event that the reader saw last, as far as it is kept, and then what happens. */
  open(
    request: IncomingMessage,
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
  ): void {
    // it has arrived, and is answered for as long as the reader likes
    request.socket.setTimeout(0);
    response.writeHead(200, { ...headers, "content-type": "text/event-stream; charset=utf-8" });
    const { "last-event-id": last } = request.headers;
    const missed = typeof last === "string" ? this.#log.after(last) : null;
    const isComplete = typeof last === "string" && missed !== null;
    const begin = frameOf(isComplete ? last : this.#log.newest, "begin", { complete: isComplete });
    const first = [begin, ...(missed ?? [])].map(({ text }) => text).join("");
    response.write(`retry: ${RETRY_MS}\n\n${first}`);
    this.#follow(response);
  }

  /** Ends all of them. */
  close(): void {
    for (const response of this.#responses) response.destroy();
  }

  // --- internal ---

  #follow(response: ServerResponse): void {
    const stop = this.#log.listen(({ text }: Frame) => send(response, text));
    this.#responses.add(response);
    this.#beat ??= setInterval(() => {
      for (const each of this.#responses) send(each, ": \n\n");
    }, BEAT_MS).unref();
    response.on("close", () => {
      stop();
      this.#responses.delete(response);
      if (this.#responses.size > 0 || this.#beat === null) return;
      clearInterval(this.#beat);
      this.#beat = null;
    });
  }
}

function send(response: ServerResponse, text: string): void {
  response.write(text);
  if (response.writableLength > WAITING_BYTES_MAX) response.destroy();
}
