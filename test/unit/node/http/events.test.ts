import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { EventLog } from "../../../../src/node/http/event-log.ts";
import { READERS_MAX } from "../../../../src/node/http/event-streams.ts";
import type { NodeEvent } from "../../../../src/node/records/records.ts";
import { PEERS } from "../node-samples.ts";
import { readEvents } from "./event-reader.ts";
import { serveStatus } from "./status-endpoint.ts";

const phase = (round: number): NodeEvent => ({ type: "phase", round, phase: "train", at: round });
const roundsOf = (heard: readonly { readonly data: Readonly<Record<string, unknown>> }[]) =>
  heard.map(({ data: { round } }) => round);

describe("what is kept of events", () => {
  test("is what came after an id, in order", () => {
    const log = new EventLog();
    const start = log.newest;
    for (const round of [0, 1, 2]) log.tell(phase(round));
    const all = log.after(start) ?? [];

    expect(all.map(({ text }) => /"round":(\d)/.exec(text)?.[1])).toEqual(["1", "2", "3"]);
    expect(log.after(all[1]?.id ?? "")).toEqual(all.slice(2));
    expect(log.after(log.newest)).toEqual([]);
  });

  test("is nothing for an id of another process, of the future, or of no process", () => {
    const log = new EventLog();
    log.tell(phase(0));
    const [process = ""] = log.newest.split("-");

    expect(log.after(`${process}-0`)).toHaveLength(1);
    for (const id of [
      ...[new EventLog().newest, `${process}-2`, `${process}--1`, `${process}-01`],
      ...[`${process}-1e0`, process, "", "1", `${process}-${"9".repeat(40)}`],
    ]) {
      expect([id, log.after(id)]).toEqual([id, null]);
    }
  });

  test("is bounded, by number and by size", () => {
    const many = new EventLog();
    const first = many.newest;
    for (let round = 0; round < 1001; round += 1) many.tell(phase(round));
    expect(many.after(first)).toBeNull();
    expect(many.after(first.replace(/0$/, "1"))).toHaveLength(1000);

    const large = new EventLog();
    const detail = "x".repeat(300_000);
    for (let round = 0; round < 5; round += 1) {
      large.tell({ type: "evidence", peer: PEERS[1], round, kind: "late", at: 0, detail });
    }
    const at = (count: number) => large.newest.replace(/5$/, String(count));
    expect(large.after(at(1))).toBeNull();
    expect(large.after(at(2))).toHaveLength(3);
  });

  test("has no line that a text in it could begin", () => {
    const log = new EventLog();
    const start = log.newest;
    const detail = "a\n\nevent: round\ndata: {}\r\r";
    log.tell({ type: "evidence", peer: PEERS[1], round: 0, kind: "late", at: 0, detail });

    expect(
      log
        .after(start)?.[0]
        ?.text.split(/[\r\n]/)
        .filter(Boolean),
    ).toHaveLength(3);
  });
});

describe("a reader of events", () => {
  test("hears what happens, and where it stands", async () => {
    const events = new EventLog();
    const { url } = await serveStatus({ events });
    events.tell(phase(0));
    const reader = await readEvents(url);
    expect(reader.response.headers.get("content-type")).toContain("text/event-stream");
    expect(await reader.next(1)).toMatchObject([{ name: "begin", data: { complete: false } }]);
    events.tell(phase(1));

    expect(roundsOf(await reader.next(1))).toEqual([2]);
  });

  test("that comes back is told what it missed, once", async () => {
    const events = new EventLog();
    const { url } = await serveStatus({ events });
    const reader = await readEvents(url);
    events.tell(phase(0));
    const [, seen] = await reader.next(2);
    reader.leave();
    events.tell(phase(1));
    events.tell(phase(2));
    const again = await readEvents(url, { last: seen?.id ?? "" });
    const [begin, ...missed] = await again.next(3);

    expect(begin).toMatchObject({ id: seen?.id, data: { complete: true } });
    expect(roundsOf(missed)).toEqual([2, 3]);
  });

  test("that was away for too long, or met another process, is told to look anew", async () => {
    const events = new EventLog();
    const { url } = await serveStatus({ events });
    for (const last of [new EventLog().newest, "nonsense"]) {
      const [begin] = await (await readEvents(url, { last })).next(1);

      expect(begin).toMatchObject({ id: events.newest, data: { complete: false } });
    }
  });

  test("that does not read is cut off, and the others are not", async () => {
    const events = new EventLog();
    const { url } = await serveStatus({ events });
    const { hostname, port } = new URL(url);
    const idle = connect(Number(port), hostname);
    onTestFinished(() => void idle.destroy());
    idle.write("GET /v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await once(idle, "readable");
    const closed = once(idle, "close");
    const reader = await readEvents(url);
    await reader.next(1);
    const detail = "x".repeat(100_000);
    let told = 0;
    // what the system keeps between two sockets is some MB
    while (events.listeners === 2 && told < 1000) {
      events.tell({ type: "evidence", peer: PEERS[1], round: told, kind: "late", at: 0, detail });
      told += 1;
      expect(roundsOf(await reader.next(1))).toEqual([told]);
    }
    idle.resume();
    await closed;

    expect(events.listeners).toBe(1);
  });

  test("is turned away where there are as many as may be, until one leaves", async () => {
    const { url } = await serveStatus();
    const readers = [];
    for (let i = 0; i < READERS_MAX; i += 1) readers.push(await readEvents(url));
    const over = await fetch(`${url}/v1/events`);
    expect([over.status, over.headers.get("retry-after")]).toEqual([503, "10"]);
    expect((await fetch(`${url}/v1/status`)).status).toBe(200);
    readers[0]?.leave();

    await expect.poll(async () => (await readEvents(url)).response.status).toBe(200);
  });
});
