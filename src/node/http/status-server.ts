import { rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { type FastifyInstance, fastify } from "fastify";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import type { Evidence } from "../../types.ts";
import type { Config } from "../config/config.ts";
import { statusAddressFile } from "../folders/data-folder.ts";
import { type Metrics, showDisk, showStatus } from "../peer/metrics.ts";
import type { Service } from "../process/lifecycle.ts";
import type { NodeStatus, RoundRecord } from "../records/records.ts";
import { toldPeer, toldRecord, toldStatus } from "../records/told.ts";
import { writeAtomically } from "../store/atomic-file.ts";
import { realFileSystem } from "../store/file-system.ts";
import { checkBinding, judgeRequest } from "./access.ts";
import { readiness, STARTING } from "./readiness.ts";

/** Connections served at a time; more are closed at once. */
const CONNECTIONS_MAX = 64;
/** A request is a few headers: it arrives within this time or is dropped. */
const REQUEST_MS = 10_000;
/** How often connections are looked at for that. */
const CHECK_MS = 1000;
/** Records in one answer. */
const RECORDS_MAX = 1000;

/** What the endpoint shows. Lists are the last `limit` but `offset` records, oldest first. */
export interface StatusSource {
  status(): NodeStatus;
  rounds(limit: number, offset?: number): readonly RoundRecord[];
  evidence(limit: number, offset?: number): readonly Evidence[];
}

export interface StatusServerDeps {
  readonly source: StatusSource;
  /** Whether there is something to show; until then it is said that the node is starting. True when absent. */
  readonly isStarted?: () => boolean;
  readonly metrics: Metrics;
  /** The node's data folder, where other commands find the address of the endpoint. */
  readonly dataDir: string;
}

/** The status endpoint as a service; `url` is known once it has started. */
export interface StatusServer extends Service {
  readonly url: string | null;
}

/**
 * The status endpoint: `/healthz`, `/readyz`, `/status`, `/peers`, `/rounds`, `/evidence`, `/metrics`, and the same
 * under `/v1`. Read-only, on loopback unless told otherwise. Throws `network` when the port is taken.
 */
export function createStatusServer(config: Config["status"], deps: StatusServerDeps): StatusServer {
  const addressFile = statusAddressFile(deps.dataDir);
  let server: FastifyInstance | null = null;
  let url: string | null = null;
  return {
    name: "status endpoint",
    get url() {
      return url;
    },
    async start() {
      checkBinding(config);
      server = build(config, deps);
      await listen(server, config);
      const { address, port, family } = server.server.address() as AddressInfo;
      url = `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
      // A link in its place is replaced, not followed.
      const text = `${JSON.stringify({ url, pid: process.pid })}\n`;
      writeAtomically(realFileSystem, addressFile, [Buffer.from(text)]);
    },
    async stop() {
      if (url !== null) rmSync(addressFile, { force: true });
      url = null;
      await server?.close();
    },
  };
}

// --- internal ---

function build(config: Config["status"], deps: StatusServerDeps): FastifyInstance {
  const server = fastify({
    bodyLimit: 1024,
    requestTimeout: REQUEST_MS,
    http: { headersTimeout: REQUEST_MS, connectionsCheckingInterval: CHECK_MS },
    connectionTimeout: REQUEST_MS,
    // Open connections must not keep a node from stopping.
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 64 },
  });
  server.server.maxConnections = CONNECTIONS_MAX;
  server.addHook("onRequest", async (request, reply) => {
    const { host, origin } = request.headers;
    const path = request.url.replace(/\?.*$/, "");
    const refusal = judgeRequest({ method: request.method, path, host, origin }, config);
    reply.headers({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
    if (refusal?.status === 405) reply.header("allow", "GET, HEAD");
    if (refusal !== null) return reply.code(refusal.status).send({ error: refusal.message });
    const isAlways = /\/(healthz|metrics)$/.test(path);
    if (isAlways || deps.isStarted?.() !== false) return;
    return reply.code(503).send({ state: STARTING, error: "the node is starting" });
  });
  server.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({
      error: "no such path; there are /healthz /readyz /status /peers /rounds /evidence /metrics",
    }),
  );
  server.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    return reply.code(status).send({ error: status < 500 ? error.message : "internal error" });
  });
  for (const prefix of ["", "/v1"]) addRoutes(server, prefix, deps);
  return server;
}

const listQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(RECORDS_MAX).default(100),
  offset: z.coerce.number().int().min(0).max(1_000_000_000).default(0),
});

function addRoutes(
  server: FastifyInstance,
  prefix: string,
  { source, metrics, isStarted, dataDir }: StatusServerDeps,
): void {
  server.get(`${prefix}/healthz`, async () => ({ status: "ok" }));
  server.get(`${prefix}/readyz`, async (_request, reply) => {
    const status = source.status();
    return reply.code(readiness(status)).send({ state: status.state });
  });
  server.get(`${prefix}/status`, async () => toldStatus(source.status()));
  server.get(`${prefix}/peers`, async () => source.status().peers.map(toldPeer));
  const lists = {
    rounds: (limit: number, offset: number) => source.rounds(limit, offset).map(toldRecord),
    evidence: (limit: number, offset: number) => source.evidence(limit, offset).map(toldRecord),
  };
  for (const [name, list] of Object.entries(lists)) {
    server.get(`${prefix}/${name}`, async (request, reply) => {
      const query = listQuery.safeParse(request.query);
      if (!query.success) {
        const error = `the query is limit=N (1 to ${RECORDS_MAX}) and offset=N, the newest to leave out`;
        return reply.code(400).send({ error });
      }
      const { limit, offset } = query.data;
      const records = list(limit, offset);
      const next = `<${prefix}/${name}?limit=${limit}&offset=${offset + limit}>; rel="next"`;
      return records.length < limit ? records : reply.header("link", next).send(records);
    });
  }
  server.get(`${prefix}/metrics`, async (_request, reply) => {
    if (isStarted?.() !== false) showStatus(metrics, source.status());
    showDisk(metrics, dataDir);
    const text = await metrics.registry.metrics();
    return reply.header("content-type", metrics.registry.contentType).send(text);
  });
}

async function listen(server: FastifyInstance, { host, port }: Config["status"]): Promise<void> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    await server.close();
    const code = (error as NodeJS.ErrnoException).code;
    const taken = code === "EADDRINUSE";
    throw new KlatchError(
      code === "EACCES" ? "permission" : "network",
      `the status endpoint cannot listen on ${host}:${port} (${taken ? "port in use" : code})`,
      "set status.port to another port, or to 0 for any free one",
      { cause: error },
    );
  }
}
