import { onTestFinished } from "vitest";

export interface HeardEvent {
  readonly id: string;
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Reads server-sent events for the test that calls this; the last one seen may be named. */
export async function readEvents(
  url: string,
  { last, token }: { readonly last?: string; readonly token?: string } = {},
) {
  const ended = new AbortController();
  onTestFinished(() => ended.abort());
  const response = await fetch(`${url}/v1/events`, {
    headers: {
      ...(last === undefined ? {} : { "last-event-id": last }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    signal: ended.signal,
  });
  const bytes = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const waiting: HeardEvent[] = [];
  let text = "";
  const more = async (): Promise<boolean> => {
    const { value, done } = (await bytes?.read()) ?? { done: true };
    text += value ?? "";
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    waiting.push(...blocks.flatMap(eventOf));
    return done !== true;
  };
  return {
    response,
    /** The next so many events. */
    async next(count: number): Promise<readonly HeardEvent[]> {
      while (waiting.length < count) if (!(await more())) throw new Error("the stream has ended");
      return waiting.splice(0, count);
    },
    /** Stops reading; what is sent from now on piles up. */
    leave: () => ended.abort(),
  };
}

function eventOf(block: string): readonly HeardEvent[] {
  const [, id = "", name = "", json = ""] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(block) ?? [];
  return name === "" ? [] : [{ id, name, data: JSON.parse(json) }];
}
