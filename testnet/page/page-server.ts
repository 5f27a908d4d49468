import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { judgeRequest, pageHeaders } from "../../src/node/http/access.ts";
import { curvesSchema } from "../../src/node/records/api-schemas.ts";
import { type Curve, curvesChart } from "../../src/node/view/plot/curves.ts";
import type { TestnetOptions } from "../options.ts";
import type { Member } from "../processes/fleet.ts";
import type { Network } from "../processes/network.ts";
import { askPeer } from "../processes/peer-status.ts";
import type { Incident } from "../processes/troubles.ts";
import { pageOf, SCRIPT, STYLE } from "./files.ts";
import { renderLive } from "./live.ts";

const HOST = "127.0.0.1";
/** Connections served at a time. */
const CONNECTIONS_MAX = 64;
/** The same picture serves so long, ms: every peer is asked for it. */
const CURVES_MS = 1000;
const CURVES_BOX = { left: 76, top: 90, width: 620, height: 300 };
const CURVES_SIZE = "0 0 860 480";

const HEADERS = pageHeaders("img-src 'self' data:");

/** One page for a whole network. */
export interface TestnetPage {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the page on loopback, to this machine alone, for as long as the network is up. */
export async function openPage(
  network: Pick<Network, "members">,
  options: TestnetOptions,
  incidents: readonly Incident[],
): Promise<TestnetPage> {
  const startedAt = Date.now();
  const { members } = network;
  const page = () => {
    const seconds = (Date.now() - startedAt) / 1000;
    return pageOf(renderLive({ members, options, incidents, seconds }));
  };
  const curves = keptFor(CURVES_MS, () => curvesOf(members, options));
  const files: Readonly<Record<string, readonly [string, () => string | Promise<string>]>> = {
    "/": ["text/html; charset=utf-8", page],
    "/curves.svg": ["image/svg+xml", curves],
    "/page.js": ["text/javascript; charset=utf-8", () => SCRIPT],
    "/page.css": ["text/css; charset=utf-8", () => STYLE],
  };
  const server = createServer((request, response) => void answer(request, response, files));
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, HOST, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${HOST}:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// --- internal ---

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  files: Readonly<Record<string, readonly [string, () => string | Promise<string>]>>,
): Promise<void> {
  const path = (request.url ?? "").replace(/\?.*$/, "");
  const [status, type, text] = await judged(request, path, files);
  response.writeHead(status, { ...HEADERS, "content-type": type });
  response.end(request.method === "HEAD" ? undefined : text);
}

async function judged(
  { method = "", headers }: IncomingMessage,
  path: string,
  files: Readonly<Record<string, readonly [string, () => string | Promise<string>]>>,
): Promise<readonly [number, string, string]> {
  const { host, origin } = headers;
  const [site, mode] = [headers["sec-fetch-site"], headers["sec-fetch-mode"]];
  const refusal = judgeRequest(
    { method, path, host, origin, site: site?.toString(), mode: mode?.toString() },
    { host: HOST, hostnames: [], token: null, pages: new Set(["/"]) },
  );
  if (refusal !== null) return [refusal.status, "text/plain", refusal.message];
  const file = Object.hasOwn(files, path) ? files[path] : undefined;
  if (file === undefined) return [404, "text/plain", "no such path"];
  const [type, made] = file;
  return [200, type, await made()];
}

/** What is asked for again within some time is not made again. */
function keptFor(milliseconds: number, make: () => Promise<string>): () => Promise<string> {
  let made: Promise<string> | null = null;
  let at = 0;
  return () => {
    if (made === null || Date.now() - at > milliseconds) {
      at = Date.now();
      made = make();
    }
    return made;
  };
}

/** The losses of honest peers by round, as they tell them themselves. */
async function curvesOf(members: readonly Member[], { rounds }: TestnetOptions): Promise<string> {
  const honest = members.filter(({ plan, answers }) => plan.role === "honest" && answers);
  const curves = await Promise.all(honest.map(curveOf));
  const caption = "each honest peer on held-out data of its own";
  const chart = curvesChart({ curves, levels: [], rounds, caption }, CURVES_BOX);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${CURVES_SIZE}"><rect width="100%" height="100%" fill="#ffffff"/>${chart}</svg>`;
}

async function curveOf({ plan }: Member): Promise<Curve> {
  const answer = curvesSchema.safeParse(await askPeer(plan, "/v1/curves"));
  if (!answer.success) return { name: plan.label, points: [] };
  const { round, heldOutLoss, trainLoss } = answer.data;
  const points = round.flatMap((at, i) => {
    const loss = heldOutLoss[i] ?? trainLoss[i] ?? null;
    return loss === null ? [] : [{ round: at, loss }];
  });
  return { name: plan.label, points };
}
