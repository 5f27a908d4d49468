import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { parseConfig } from "../../../../src/node/config/load.ts";
import { judgeRequest } from "../../../../src/node/http/access.ts";
import { createStatusServer, type StatusServer } from "../../../../src/node/http/status-server.ts";
import { createMetrics } from "../../../../src/node/peer/metrics.ts";
import type { NodeStatus } from "../../../../src/node/records/records.ts";
import { toldPeer, toldRecord, toldStatus } from "../../../../src/node/records/told.ts";
import { openSealed } from "../../../../src/node/store/sealed-json.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { PEERS, sampleRound, sampleSource, sampleStatus } from "../node-samples.ts";

const signal = new AbortController().signal;
const config = (change: object = {}) => parseConfig({ status: { port: 0, ...change } }, "/").status;

/** For the servers that live through several tests. */
const folder = mkdtempSync(join(tmpdir(), "klatch-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let state: NodeStatus["state"] = "running";
const source = sampleSource({
  status: () => sampleStatus({ state }),
  rounds: (limit: number, offset = 0) =>
    [0, 1, 2].map(sampleRound).slice(Math.max(0, 3 - offset - limit), 3 - offset),
  evidence: () => [{ peer: PEERS[1], round: 1, kind: "late" as const, at: 5 }],
});

function create(change: object = {}, dataDir = temporaryFolder()): StatusServer {
  return createStatusServer(config(change), { source, metrics: createMetrics(), dataDir });
}

/** One request exactly as given, and its answer. */
function ask(
  url: string,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number; headers: IncomingHttpHeaders; text: string }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const { method = "GET", headers = {} } = options;
    const sent = request({ hostname, port, path, method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    sent.on("error", reject);
    sent.end(options.body);
  });
}

describe("what it shows", () => {
  let server: StatusServer;
  let url = "";
  beforeAll(async () => {
    server = createStatusServer(config(), { source, metrics: createMetrics(), dataDir: folder });
    await server.start(signal);
    url = server.url ?? "";
  });
  afterAll(() => server.stop());

  test.each(["", "/v1"])("%s/status, /peers, /rounds and /evidence are JSON", async (prefix) => {
    const json = async (path: string) => JSON.parse((await ask(url, prefix + path)).text);

    expect(await json("/status")).toEqual(toldStatus(sampleStatus()));
    expect(await json("/peers")).toEqual(sampleStatus().peers.map(toldPeer));
    expect(await json("/rounds?limit=2")).toEqual([1, 2].map(sampleRound).map(toldRecord));
    expect(await json("/evidence")).toEqual(source.evidence(1).map(toldRecord));
  });

  test.each([
    ["joining", 503],
    ["alone", 503],
    ["running", 200],
    ["finished", 200],
    ["stopping", 503],
  ] as const)(
    "/readyz of a node that is %s answers %d; /healthz 200 all the time",
    async (now, expected) => {
      state = now;
      onTestFinished(() => {
        state = "running";
      });

      expect((await ask(url, "/readyz")).status).toBe(expected);
      expect((await ask(url, "/healthz")).status).toBe(200);
    },
  );

  test("/metrics is in Prometheus's text format and up to date", async () => {
    const { headers, text } = await ask(url, "/metrics");

    expect(headers["content-type"]).toContain("text/plain");
    expect(text).toContain("klatch_consensus_round 3\n");
  });

  test("HEAD answers without a body", async () => {
    const { status, text } = await ask(url, "/status", { method: "HEAD" });

    expect([status, text]).toEqual([200, ""]);
  });

  test("lists are oldest first, and gone through page by page from the newest on", async () => {
    const newest = await ask(url, "/rounds?limit=2");
    const { link } = newest.headers;
    expect(link).toBe('</rounds?limit=2&offset=2>; rel="next"');
    expect(JSON.parse(newest.text)).toEqual([1, 2].map(sampleRound).map(toldRecord));

    const rest = await ask(url, "/rounds?limit=2&offset=2");
    expect("link" in rest.headers).toBe(false);
    expect(JSON.parse(rest.text)).toEqual([toldRecord(sampleRound(0))]);
    expect((await ask(url, "/rounds?offset=-1")).status).toBe(400);
  });

  test.each(["0", "1001", "-1", "x", "1&extra=1", "1&limit=2"])(
    "/rounds?limit=%s is refused",
    async (query) => {
      expect((await ask(url, `/rounds?limit=${query}`)).status).toBe(400);
    },
  );

  test.each([
    "/etc/passwd",
    "/../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/status/../../package.json",
    "/v1//status",
    "/status%00",
    "/.klatch/identity.json",
    "/status/longer",
  ])("there is nothing at %s", async (path) => {
    const { status, text } = await ask(url, path);

    expect([400, 404]).toContain(status);
    expect(text).not.toContain("root:");
    expect(text).not.toContain("stack");
  });
});

describe("whom it answers", () => {
  let server: StatusServer;
  let url = "";
  beforeAll(async () => {
    const status = config({ hostnames: ["node.internal", "Klatch.SVC"] });
    server = createStatusServer(status, { source, metrics: createMetrics(), dataDir: folder });
    await server.start(signal);
    url = server.url ?? "";
  });
  afterAll(() => server.stop());

  test.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])(
    "%s is refused on every path",
    async (method) => {
      for (const path of ["/status", "/nothing"]) {
        const { status, headers } = await ask(url, path, { method });

        expect(status).toBe(405);
        expect(headers.allow).toBe("GET, HEAD");
      }
    },
  );

  test.each([
    ...[
      "localhost",
      "LOCALHOST:8800",
      "localhost.:8800",
      "127.0.0.1:1",
      "[::1]:8800",
      "10.244.1.9:8800",
    ],
    ...["node.internal", "klatch.svc", "klatch.svc.", "KLATCH.svc.:8800"],
  ])("Host: %s is this endpoint", async (host) => {
    expect((await ask(url, "/status", { headers: { host } })).status).toBe(200);
  });

  test.each([
    "evil.example",
    "evil.example:8800",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "a b",
  ])(
    "Host: %j is another's name for this address, and refused before anything is shown",
    async (host) => {
      const { status, text } = await ask(url, "/status", { headers: { host } });

      expect(status).toBe(403);
      expect(text).not.toContain(PEERS[0]);
    },
  );

  test("a web page is refused, and no header lets it read along", async () => {
    for (const origin of ["http://evil.example", "http://localhost:8800", "null"]) {
      const { status, headers } = await ask(url, "/status", { headers: { origin } });

      expect(status).toBe(403);
      expect(headers["access-control-allow-origin"]).toBeUndefined();
    }
    const allowed = await ask(url, "/status");
    expect(allowed.headers["access-control-allow-origin"]).toBeUndefined();
    expect(allowed.headers["x-content-type-options"]).toBe("nosniff");
  });

  test("bytes that are no HTTP are answered with an error and a closed connection", async () => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    const closed = new Promise<string>((resolve) => {
      let text = "";
      socket.on("data", (part) => {
        text += part;
      });
      socket.on("close", () => resolve(text));
    });
    socket.write(`\u0000\u0001${"x".repeat(200)}\r\n\r\n`);

    expect(await closed).toMatch(/^HTTP\/1\.1 400/);
    expect((await ask(url, "/healthz")).status).toBe(200);
  });

  const rules = (host: string) => ({ ...config({ host }), token: null, pages: new Set<string>() });

  test("the judge knows nothing but GET and HEAD of bare addresses and its own names", () => {
    const judge = (host: string) =>
      judgeRequest({ method: "GET", path: "/status", host, origin: undefined }, rules("::1"));

    expect(judge("[::1]:80")).toBeNull();
    expect(judge("[::1].evil.example")?.status).toBe(403);
    expect(judge("")?.status).toBe(403);
    expect(
      judgeRequest(
        { method: "GET", path: "/status", host: undefined, origin: undefined },
        rules("127.0.0.1"),
      )?.status,
    ).toBe(403);
  });
});

describe("its life", () => {
  test("an address that others can reach is refused unless it was asked for", async () => {
    for (const host of ["0.0.0.0", "::", "192.168.1.5", "status.example.org"]) {
      await expect(create({ host }).start(signal)).rejects.toMatchObject({ code: "usage" });
    }
    const server = create({ host: "0.0.0.0", allowRemote: true });
    await server.start(signal);
    expect(server.url).toMatch(/^http:\/\/0\.0\.0\.0:\d+$/);
    await server.stop();
  });

  test("a port in use is named, with what to do", async () => {
    const first = create();
    await first.start(signal);
    onTestFinished(() => first.stop());
    const port = Number(new URL(first.url ?? "").port);

    await expect(create({ port }).start(signal)).rejects.toMatchObject({
      code: "network",
      message: expect.stringContaining(`127.0.0.1:${port} (port in use)`),
      hint: expect.stringContaining("status.port"),
    });
  });

  test("while it runs, its address lies in the data folder for the owner; afterwards it is gone", async () => {
    const folder = temporaryFolder();
    const server = create({}, folder);
    await server.start(signal);
    const file = join(folder, "status.json");
    expect(openSealed(readFileSync(file, "utf8"))).toEqual({ url: server.url, pid: process.pid });

    await server.stop();
    await server.stop();

    expect(existsSync(file)).toBe(false);
    expect(server.url).toBeNull();
  });

  test("an idle connection does not keep it from stopping", async () => {
    const server = create();
    await server.start(signal);
    const { hostname, port } = new URL(server.url ?? "");
    const socket = connect(Number(port), hostname);
    // Being reset is one way to be closed.
    socket.on("error", () => undefined);
    const closed = new Promise((resolve) => socket.on("close", resolve));
    await once(socket, "connect");
    socket.write("GET /status HTTP/1.1\r\nHost: localhost\r\n");

    await server.stop();
    await closed;
  });
});
