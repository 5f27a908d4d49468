import type { NodeEvent } from "../node/records/records.ts";

const TOKEN_KEY = "klatch-token";
/** How long to wait before the next attempt. */
const RETRY_MS = 2000;

/** Why a node did not answer: it asks for a token, it has another reason, or it is not there. */
export class NoAnswer extends Error {
  readonly code: number | null;

  constructor(code: number | null, message: string) {
    super(message);
    this.code = code;
  }
}

/** The token of this tab: the one of the address (`#token=...`), which is taken out of it, or the one before. */
export function takeToken(): string | null {
  const given = /^#token=([\w-]+)$/.exec(location.hash)?.[1];
  if (given !== undefined) {
    keepToken(given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(TOKEN_KEY);
}

export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN_KEY, token);
}

/** Asks the node for JSON; throws {@link NoAnswer}. */
export async function ask<T>(path: string): Promise<T> {
  const response = await request(path, {});
  return (await response.json()) as T;
}

/** What the stream of events tells: what happened, or whether something was missed. */
export type Heard = NodeEvent | { readonly type: "begin"; readonly complete: boolean };

/**
 * Hears events for as long as the page is open, and comes back when the connection is lost.
 *
 * @param onLost - called with each failure
 */
export async function hear(
  onEvent: (event: Heard) => void,
  onLost: (error: NoAnswer) => void,
): Promise<never> {
  let last: string | null = null;
  for (;;) {
    try {
      const headers = last === null ? {} : { "last-event-id": last };
      const { body } = await request("events", headers);
      if (body !== null) {
        for await (const { id, event } of eventsOf(body)) {
          last = id;
          onEvent(event);
        }
      }
      onLost(new NoAnswer(null, "the node has closed the connection"));
    } catch (error) {
      onLost(asNoAnswer(error));
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

export function asNoAnswer(error: unknown): NoAnswer {
  return error instanceof NoAnswer ? error : new NoAnswer(null, "no answer from the node");
}

// --- internal ---

async function request(path: string, headers: Record<string, string>): Promise<Response> {
  const token = takeToken();
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`/v1/${path}`, { headers: { ...headers, ...authorization } });
  if (response.ok) return response;
  const { error = "" } = (await response.json()) as { error?: string };
  throw new NoAnswer(response.status, error);
}

async function* eventsOf(body: ReadableStream<Uint8Array>) {
  const reader = body.pipeThrough(new TextDecoderStream() as TextDecoding).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, id, type, data] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (id === undefined || data === undefined) continue;
      yield { id, event: { type, ...JSON.parse(data) } as Heard };
    }
  }
}

type TextDecoding = ReadableWritablePair<string, Uint8Array>;
