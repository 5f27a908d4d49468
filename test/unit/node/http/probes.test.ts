import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { parseConfig } from "../../../../src/node/config/load.ts";
import { createStatusServer, type StatusServer } from "../../../../src/node/http/status-server.ts";
import { createMetrics } from "../../../../src/node/peer/metrics.ts";
import { runCommand } from "../../../support/command-line.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { sampleSource } from "../node-samples.ts";

/** A server that answers for a node which has started or not, and its data folder. */
async function serve(isStarted: () => boolean = () => true): Promise<[StatusServer, string]> {
  const { status } = parseConfig({ status: { port: 0 } }, "/");
  const source = sampleSource();
  const dataDir = temporaryFolder();
  const deps = { source, isStarted, metrics: createMetrics(), dataDir };
  const server = createStatusServer(status, deps);
  await server.start(new AbortController().signal);
  onTestFinished(() => server.stop());
  return [server, dataDir];
}

describe("a node that is starting", () => {
  test("is alive and not ready, and shows what it has", async () => {
    let isStarted = false;
    const [server, dataDir] = await serve(() => isStarted);
    const codeOf = async (path: string) => (await fetch(`${server.url}${path}`)).status;

    expect(await codeOf("/healthz")).toBe(200);
    expect(await codeOf("/metrics")).toBe(200);
    for (const path of ["/readyz", "/status", "/v1/peers", "/rounds"]) {
      expect(await codeOf(path)).toBe(503);
    }
    const at = ["status", "--data-dir", dataDir];
    expect(await runCommand(at)).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("is starting"),
    });

    isStarted = true;
    expect(await codeOf("/readyz")).toBe(200);
    expect((await runCommand(at)).code).toBe(0);
  });
});

describe("a probe that knows no Host", () => {
  test("learns whether the node is well, and nothing else", async () => {
    const [server] = await serve();
    const { hostname, port } = new URL(server.url ?? "");
    const firstLine = async (path: string) => {
      const socket = connect(Number(port), hostname);
      socket.setEncoding("utf8").write(`GET ${path} HTTP/1.0\r\n\r\n`);
      const [text] = (await once(socket, "data")) as [string];
      socket.destroy();
      return text.split("\r\n")[0];
    };

    for (const path of ["/healthz", "/readyz", "/v1/healthz", "/readyz?verbose"]) {
      expect(await firstLine(path)).toBe("HTTP/1.1 200 OK");
    }
    expect(await firstLine("/status")).toBe("HTTP/1.1 403 Forbidden");
    expect(await firstLine("/healthz/../status")).not.toContain("200");
  });
});
