import { PassThrough } from "node:stream";
import { expect, test, vi } from "vitest";
import { EventLog } from "../../../../../src/node/http/event-log.ts";
import type { Request } from "../../../../../src/node/view/live/follower.ts";
import { showLive } from "../../../../../src/node/view/live/live-screen.ts";
import { runCommand, runJson } from "../../../../support/command-line.ts";
import { serveStatus } from "../../http/status-endpoint.ts";
import { samplePeer, sampleSource, sampleStatus } from "../../node-samples.ts";

const LEFT = "\u001b[?1049l";

/** A screen of 60 by 14 that remembers what is written, and what is typed at it. */
function keyboard() {
  const raw: boolean[] = [];
  const input = Object.assign(new PassThrough(), {
    setRawMode: (isRaw: boolean) => raw.push(isRaw),
  });
  const output = Object.assign(new PassThrough(), { columns: 60, rows: 14 });
  let screen = "";
  output.on("data", (text) => {
    screen += String(text);
  });
  const take = () => {
    const text = screen;
    screen = "";
    return text;
  };
  return { input, output, raw, take, shown: () => screen };
}

/** Waits for as long as a busy machine may take. */
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000 });

const requestTo =
  (url: string): Request =>
  (path, headers, signal) =>
    fetch(`${url}/v1/${path}`, { headers, signal: signal ?? null });

test("follows a node by its events, scrolls by keys, fits itself to the window, and gives the screen back", async () => {
  const events = new EventLog();
  const peers = Array.from({ length: 30 }, (_, place) => ({
    ...samplePeer(),
    peer: `member${String(place).padStart(3, "0")}`,
  }));
  const source = sampleSource({ status: () => sampleStatus({ peers, trainLoss: 1 }) });
  const { url } = await serveStatus({ source, events });
  const { input, output, raw, take, shown } = keyboard();
  const done = showLive(requestTo(url), { input, output }, new AbortController().signal);

  await until(() => expect(shown()).toContain("member000"));
  expect(shown()).toContain("waits for announcements");
  take();
  events.tell({ type: "phase", round: 2, phase: "mix", at: 5 });
  await until(() => expect(shown()).toContain("mixes updates"));
  take();
  input.write("\u001b[F");
  await until(() => expect(shown()).toContain("member029"));
  expect(shown()).not.toContain("member000");
  take();
  output.rows = 44;
  output.emit("resize");
  await until(() => expect(shown()).toContain("member000"));
  input.write("q");
  await done;
  expect(shown().endsWith(LEFT)).toBe(true);
  expect(raw).toEqual([true, false]);
});

test.each([
  ["\u0003", "Ctrl-C"],
  ["\u001b\u001b", "Escape"],
])("%j (%s) ends it too, before anything answers", async (key) => {
  const { input, output, shown } = keyboard();
  const done = showLive(
    requestTo("http://127.0.0.1:9"),
    { input, output },
    AbortSignal.timeout(9e3),
  );

  await until(() => expect(shown()).toContain("no answer from the node"));
  input.write(key);
  await done;
  expect(shown().endsWith(LEFT)).toBe(true);
});

test("where there is no terminal it is printed once, or told as JSON", async () => {
  const { url } = await serveStatus();
  const { code, stdout } = await runCommand(["top", "--url", url]);

  expect(code).toBe(0);
  expect(stdout).toMatch(/^round +3 of 10: waits for announcements/m);
  expect(stdout).not.toContain("\u001b");
  expect(Object.keys(await runJson<object>(["top", "--url", url])).sort()).toEqual([
    ...["chain", "curves", "evidence", "machine", "rounds", "status"],
  ]);
});

test("a node that is not there, or asks for a token, is named with what to do", async () => {
  const gone = await runCommand(["top", "--url", "http://127.0.0.1:9"]);
  const { url } = await serveStatus({}, { host: "0.0.0.0", allowRemote: true });
  const asking = await runCommand(["top", "--url", url]);

  expect([gone.code, gone.stderr]).toEqual([5, expect.stringContaining("klatch start")]);
  expect([asking.code, asking.stderr]).toEqual([6, expect.stringContaining("--token-file")]);
});
