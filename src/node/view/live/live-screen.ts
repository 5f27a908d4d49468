import { emitKeypressEvents, type Key } from "node:readline";
import type { Keyboard } from "../questions.ts";
import { Follower, type Request, type Seen } from "./follower.ts";
import { frameOf, type Look, scrollMax } from "./frame.ts";

/** A screen of its own that is left behind as it was, and no cursor on it. */
const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const END_OF_LINE = "\u001b[K";

/** Drawn at most so often, and at least so often: waits are counted down. */
const DRAW_SOON_MS = 50;
const DRAW_REGULARLY_MS = 1000;

/** Shows a node on a whole screen until the person ends it, or the signal does. */
export async function showLive(
  request: Request,
  { input, output }: Keyboard,
  signal: AbortSignal,
): Promise<void> {
  const ended = Promise.withResolvers<void>();
  const stop = new AbortController();
  let seen: Seen = { model: null, trouble: null };
  let scrolled = 0;
  let timer: NodeJS.Timeout | null = null;
  const look = (): Look => {
    const { columns = 80, rows = 24 } = output;
    return { columns, rows, scrolled, now: Date.now() };
  };
  const draw = () => {
    timer = null;
    const lines = frameOf(seen, look()).map((line) => `${line}${END_OF_LINE}`);
    output.write(HOME + lines.join("\r\n"));
  };
  const drawSoon = () => {
    timer ??= setTimeout(draw, DRAW_SOON_MS);
  };
  const onKey = (_: string | undefined, key: Key) => {
    const step = STEPS[key.name ?? ""];
    if (key.name === "q" || key.name === "escape" || (key.ctrl === true && key.name === "c")) {
      ended.resolve();
    } else if (step !== undefined) {
      scrolled = Math.min(scrollMax(seen, look()), Math.max(0, scrolled + step(look().rows)));
      drawSoon();
    }
  };
  const onAbort = () => ended.resolve();
  emitKeypressEvents(input);
  input.setRawMode?.(true);
  output.write(ENTER);
  input.on("keypress", onKey).resume();
  output.on("resize", drawSoon);
  signal.addEventListener("abort", onAbort);
  const regularly = setInterval(drawSoon, DRAW_REGULARLY_MS);
  const follower = new Follower(request, (next) => {
    seen = next;
    drawSoon();
  });
  follower.follow(stop.signal);
  try {
    await ended.promise;
  } finally {
    stop.abort();
    clearInterval(regularly);
    if (timer !== null) clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    input.off("keypress", onKey).pause();
    output.off("resize", drawSoon);
    input.setRawMode?.(false);
    output.write(LEAVE);
  }
}

// --- internal ---

/** Lines down that a key goes, on a screen of so many rows. */
const STEPS: Readonly<Record<string, (rows: number) => number>> = {
  down: () => 1,
  j: () => 1,
  up: () => -1,
  k: () => -1,
  pagedown: (rows) => rows - 1,
  space: (rows) => rows - 1,
  pageup: (rows) => 1 - rows,
  home: () => Number.NEGATIVE_INFINITY,
  end: () => Number.POSITIVE_INFINITY,
};
