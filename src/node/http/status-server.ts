import { rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { KlatchError } from "../../errors.ts";
import { TokenBuckets } from "../../gossip/index.ts";
import type { Config } from "../config/config.ts";
import { statusAddressFile } from "../folders/data-folder.ts";
import type { Metrics } from "../peer/metrics.ts";
import type { Service } from "../process/lifecycle.ts";
import { STARTING } from "../records/api-schemas.ts";
import { writeAtomically } from "../store/atomic-file.ts";
import { realFileSystem } from "../store/file-system.ts";
import { sealedJson } from "../store/sealed-json.ts";
import { type AccessRules, checkBinding, isLoopback, judgeRequest, pageHeaders } from "./access.ts";
import { limitConnections } from "./connection-limit.ts";
import { DASHBOARD_PATHS, dashboardFiles } from "./dashboard-files.ts";
import { EventLog } from "./event-log.ts";
import { EventStreams } from "./event-streams.ts";
import { openApiOf } from "./openapi.ts";
import { type Resource, resourcesOf, type StatusSource } from "./resources.ts";
import { statusToken } from "./status-token.ts";

export type { StatusSource } from "./resources.ts";

/** Connections at a time; for one more, another that asks nothing is closed. */
const CONNECTIONS_MAX = 256;
/** A request is a few headers: it arrives within this time or is dropped. */
const REQUEST_MS = 10_000;
/** How often connections are looked at for that. */
const CHECK_MS = 1000;
/** What each address may ask: so many at once, then so many in a second; and addresses that are remembered. */
const REQUESTS = { burst: 2000, refillMs: 1000 / 500, maxPeers: 1000 };

const HEADERS = pageHeaders("font-src 'self'; img-src 'self'");

export interface StatusServerDeps {
  readonly source: StatusSource;
  /** Whether there is something to show; until then it is said that the node is starting. True when absent. */
  readonly isStarted?: () => boolean;
  readonly metrics: Metrics;
  /** What happens in the node; nothing when absent. */
  readonly events?: EventLog;
  /** The node's data folder, where other commands find the address of the endpoint. */
  readonly dataDir: string;
}

/** How many requests each address may make. */
export function requestAllowance(): TokenBuckets {
  return new TokenBuckets(REQUESTS);
}

/** The status endpoint as a service; `url` is known once it has started. */
export interface StatusServer extends Service {
  readonly url: string | null;
}

/**
 * The status endpoint: the dashboard at `/`, what it shows under `/v1` as `/openapi.json` says, and the older of that
 * without `/v1` too. Read-only, on loopback unless told otherwise, and then for who shows the token that lies in the data
 * folder. Throws `network` when the port is taken.
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
      const token = isLoopback(config.host) ? null : statusToken(deps.dataDir);
      server = build({ ...config, token, pages: DASHBOARD_PATHS }, deps);
      await listen(server, config);
      const { address, port, family } = server.server.address() as AddressInfo;
      url = `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
      // A link in its place is replaced, not followed.
      const text = sealedJson({ url, pid: process.pid });
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

function build(rules: AccessRules, deps: StatusServerDeps): FastifyInstance {
  const server = fastify({
    bodyLimit: 1024,
    requestTimeout: REQUEST_MS,
    http: { headersTimeout: REQUEST_MS, connectionsCheckingInterval: CHECK_MS },
    connectionTimeout: REQUEST_MS,
    // Open connections must not keep a node from stopping.
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 64 },
  });
  limitConnections(server.server, CONNECTIONS_MAX);
  guard(server, rules);
  const isStarted = deps.isStarted ?? (() => true);
  const resources = resourcesOf({ ...deps, isStarted });
  for (const resource of resources) addResource(server, resource, isStarted);
  addEvents(server, deps.events ?? new EventLog(), isStarted);
  server.get("/openapi.json", async () => openApiOf(resources));
  addDashboard(server);
  server.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: "no such path; /openapi.json has those that there are" }),
  );
  server.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    return reply.code(status).send({ error: status < 500 ? error.message : "internal error" });
  });
  return server;
}

/** Judges every request before anything else is done for it. */
function guard(server: FastifyInstance, rules: AccessRules): void {
  const allowance = requestAllowance();
  server.addHook("onRequest", async (request, reply) => {
    reply.headers(HEADERS);
    if (!allowance.take(request.ip, performance.now())) {
      return reply.code(429).header("retry-after", "1").send({ error: "too many requests" });
    }
    const { host, origin, authorization } = request.headers;
    const { "sec-fetch-site": site, "sec-fetch-mode": mode } = request.headers;
    const { method } = request;
    const refusal = judgeRequest(
      {
        ...{ method, path: pathOf(request), host, origin, authorization },
        ...{ site: site?.toString(), mode: mode?.toString() },
      },
      rules,
    );
    if (refusal === null) return;
    if (refusal.status === 405) reply.header("allow", "GET, HEAD");
    if (refusal.status === 401) reply.header("www-authenticate", "Bearer");
    return reply.code(refusal.status).send({ error: refusal.message });
  });
}

function addResource(server: FastifyInstance, resource: Resource, isStarted: () => boolean): void {
  const { path, isPlain, isAlways, query: schema, read } = resource;
  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
    if (!(isAlways || isStarted())) return sayStarting(reply);
    const query = schema.safeParse(request.query);
    if (!query.success) {
      const error = `this path takes no such query: ${query.error.issues[0]?.message}`;
      return reply.code(400).send({ error: `${error}; see /openapi.json` });
    }
    const { code = 200, headers = {}, body } = await read(query.data, pathOf(request));
    return reply.code(code).headers(headers).send(body);
  };
  for (const prefix of isPlain ? ["", "/v1"] : ["/v1"]) server.get(`${prefix}${path}`, answer);
}

/** What is asked for, without the query. */
function pathOf({ url }: FastifyRequest): string {
  return url.replace(/\?.*$/, "");
}

function addEvents(server: FastifyInstance, log: EventLog, isStarted: () => boolean): void {
  const streams = new EventStreams(log);
  server.addHook("preClose", async () => streams.close());
  server.route({
    method: "GET",
    url: "/v1/events",
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      if (!isStarted()) return sayStarting(reply);
      if (Object.keys(request.query as object).length > 0) {
        return reply.code(400).send({ error: "this path takes no query; see /openapi.json" });
      }
      if (streams.isFull) {
        const error = "as many readers as there may be: come again later";
        return reply.code(503).header("retry-after", "10").send({ error });
      }
      reply.hijack();
      streams.open(request.raw, reply.raw, HEADERS);
      return reply;
    },
  });
}

function addDashboard(server: FastifyInstance): void {
  const fileAt = dashboardFiles();
  for (const path of DASHBOARD_PATHS) {
    server.get(path, async (_request, reply) => {
      const file = fileAt(path);
      if (file === null) {
        const error = "the dashboard has not been built: `npm run dashboard` in the checkout";
        return reply.code(404).send({ error });
      }
      const headers = { "content-type": file.type, "content-encoding": "gzip" };
      return reply.headers(headers).send(file.bytes);
    });
  }
}

function sayStarting(reply: FastifyReply): FastifyReply {
  return reply.code(503).send({ state: STARTING, error: "the node is starting" });
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
