import { type Latencies, summary, tenths } from "./latencies.ts";
import type { Teller } from "./teller-process.ts";

/** How readers kept up with events. */
export interface Following {
  readonly readers: number;
  readonly events: number;
  /** Events that a reader lacked, of all. */
  readonly missed: number;
  /** From when an event happened to when a reader had it, milliseconds. */
  readonly lag: Latencies;
}

const MEBIBYTE = 2 ** 20;
const NAMED = /^event: phase\ndata: (.*)$/m;

/** Tells so many events a second for a while to readers over HTTP. */
export async function follow(
  teller: Teller,
  {
    readers,
    seconds,
    rate,
  }: { readonly readers: number; readonly seconds: number; readonly rate: number },
): Promise<Following> {
  const events = seconds * rate;
  const reading = await Promise.all(
    Array.from({ length: readers }, () => openReader(teller.url, events)),
  );
  await teller.ask({ do: "tell", events, everyMs: 1000 / rate });
  const lags = (await Promise.all(reading.map(({ lags: all }) => all))).flat();
  return { readers, events, missed: readers * events - lags.length, lag: summary(lags) };
}

/** Memory of an endpoint whose history grows, while it is asked for it. */
export interface History {
  readonly rounds: readonly number[];
  readonly heapMebibytes: readonly number[];
  readonly rssMebibytes: readonly number[];
}

/** Lets the history grow to so many rounds, in ten parts. */
export async function growHistory(teller: Teller, rounds: number): Promise<History> {
  const parts = 10;
  const told: Awaited<ReturnType<Teller["ask"]>>[] = [];
  for (let part = 0; part < parts; part += 1) {
    await teller.ask({ do: "keep", rounds: Math.ceil(rounds / parts) });
    for (const path of ["status", "curves", "rounds?limit=1000", "peers", "curves"]) {
      const response = await fetch(`${teller.url}/v1/${path}`);
      if (!response.ok) throw new Error(`${path} answers ${response.status}`);
      await response.arrayBuffer();
    }
    told.push(await teller.ask({ do: "keep", rounds: 0 }));
  }
  return {
    rounds: told.map(({ kept }) => kept),
    heapMebibytes: told.map(({ heap }) => tenths(heap / MEBIBYTE)),
    rssMebibytes: told.map(({ rss }) => tenths(rss / MEBIBYTE)),
  };
}

// --- internal ---

/** A reader that is there; and how late it had each of the events, when it has all or the stream ends. */
async function openReader(url: string, events: number) {
  const response = await fetch(`${url}/v1/events`);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) throw new Error("there is no stream of events");
  const lags: number[] = [];
  const read = async () => {
    let text = "";
    while (lags.length < events) {
      const { value, done } = await reader.read();
      if (done) break;
      text += value;
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      const now = Date.now();
      for (const block of blocks) {
        const [, json] = NAMED.exec(block) ?? [];
        if (json !== undefined) lags.push(now - (JSON.parse(json) as { at: number }).at);
      }
    }
    await reader.cancel();
    return lags;
  };
  return { lags: read() };
}
