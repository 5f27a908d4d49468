import { z } from "zod";
import type { Evidence } from "../../types.ts";
import { freeBytes } from "../folders/free-bytes.ts";
import { type Metrics, showDisk, showStatus } from "../peer/metrics.ts";
import {
  agreementSchema,
  chainBlockSchema,
  curvesSchema,
  healthSchema,
  livingSchema,
  machineNowSchema,
  readySchema,
} from "../records/api-schemas.ts";
import { peerStatusSchema } from "../records/peer-schemas.ts";
import { evidenceSchema, nodeStatusSchema, roundRecordSchema } from "../records/record-schemas.ts";
import type { ChainBlock, Machine, NodeStatus, RoundRecord } from "../records/records.ts";
import { toldPeer, toldRecord, toldStatus } from "../records/told.ts";
import { CurveHistory } from "./curves.ts";
import { healthOf, readiness } from "./readiness.ts";

/** Records in one answer. */
export const RECORDS_MAX = 1000;

/** What the endpoint shows. Lists are the last `limit` but `offset` records, oldest first. */
export interface StatusSource {
  status(): NodeStatus;
  rounds(limit: number, offset?: number): readonly RoundRecord[];
  evidence(limit: number, offset?: number): readonly Evidence[];
  chain(limit: number, offset?: number): readonly ChainBlock[];
  machine(): Machine;
}

/** What a resource is made of. */
export interface ResourceContext {
  readonly source: StatusSource;
  /** Whether the source has something to show. */
  readonly isStarted: () => boolean;
  readonly metrics: Metrics;
  readonly dataDir: string;
}

/** An answer; of code 200 unless it says otherwise. */
export interface Answer {
  readonly code?: number;
  /** JSON, or text of the resource's type. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Something that can be asked for. */
export interface Resource {
  /** Below `/v1`; without that too where `isPlain`. */
  readonly path: `/${string}`;
  readonly isPlain: boolean;
  /** Answered also while the node loads its model. */
  readonly isAlways: boolean;
  /** In one line, and more where there is more to say. */
  readonly summary: string;
  readonly description?: string;
  readonly query: z.ZodType;
  /** Of JSON, by the code of the answer; null of one that is text. */
  readonly answers: Readonly<Record<number, z.ZodType>> | null;
  /** @param query - as its schema gave it */
  read(query: unknown, path: string): Answer | Promise<Answer>;
}

/** Everything that can be asked for, but for events and the dashboard. */
export function resourcesOf(context: ResourceContext): readonly Resource[] {
  return [...healthResources(context), ...nodeResources(context), ...listResources(context)];
}

// --- internal ---

/** Who asks for something that is not there is told so. */
const NO_QUERY = z.strictObject({});
/** Probes may carry what they like. */
const ANY_QUERY = z.looseObject({});

const PAGE_QUERY = z.strictObject({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(RECORDS_MAX)
    .default(100)
    .describe("Records in the answer, the newest ones."),
  offset: z.coerce
    .number()
    .int()
    .min(0)
    .max(1_000_000_000)
    .default(0)
    .describe("Newest records to leave out."),
});

const COMMON = { isPlain: true, isAlways: false, query: NO_QUERY } as const;

function healthResources({ source, isStarted }: ResourceContext): readonly Resource[] {
  const probe = { isPlain: true, query: ANY_QUERY } as const;
  return [
    {
      ...{ ...probe, path: "/healthz", isAlways: true, answers: { 200: livingSchema } },
      summary: "Whether the process turns, also while it loads its model.",
      read: () => ({ body: { status: "ok" } }),
    },
    {
      ...{ ...probe, path: "/readyz", isAlways: false },
      summary: "Whether the node works in step with others, or has finished: 200, else 503.",
      answers: { 200: readySchema, 503: readySchema },
      read: () => {
        const status = source.status();
        return { code: readiness(status), body: { state: status.state } };
      },
    },
    {
      ...{ ...COMMON, path: "/health", isPlain: false, isAlways: true },
      summary: "How the node is.",
      description:
        "200 in step with others, or finished; 206 at work and not in step: joining, alone, catching up; 503 starting or stopping.",
      answers: { 200: healthSchema, 206: healthSchema, 503: healthSchema },
      read: () => {
        if (!isStarted()) {
          return { code: 503, body: { state: "starting", reason: "loads its model" } };
        }
        const { code, health } = healthOf(source.status());
        return { code, body: health };
      },
    },
  ];
}

function nodeResources(context: ResourceContext): readonly Resource[] {
  const { source, dataDir } = context;
  const curves = new CurveHistory((limit, offset) => source.rounds(limit, offset));
  return [
    {
      ...{ ...COMMON, path: "/status", answers: { 200: nodeStatusSchema } },
      summary: "The state of the node at this moment.",
      read: () => ({ body: toldStatus(source.status()) }),
    },
    {
      ...{ ...COMMON, path: "/peers", answers: { 200: z.array(peerStatusSchema) } },
      summary: "The other members, as this node sees them.",
      read: () => ({ body: source.status().peers.map(toldPeer) }),
    },
    {
      ...{ ...COMMON, path: "/agreement", isPlain: false, answers: { 200: agreementSchema } },
      summary: "How members agree, and the newest final block with its certificate.",
      read: () => ({ body: agreementOf(source) }),
    },
    {
      ...{ ...COMMON, path: "/curves", isPlain: false, answers: { 200: curvesSchema } },
      summary: "All rounds for a plot, in columns; a long history is thinned to 1000 points.",
      read: async () => ({ body: await curves.read() }),
    },
    {
      ...{ ...COMMON, path: "/machine", isPlain: false, answers: { 200: machineNowSchema } },
      summary: "What the node runs on, and what it takes of it.",
      read: () => ({ body: { ...source.machine(), process: processNow(dataDir) } }),
    },
    {
      ...{ ...COMMON, path: "/metrics", isAlways: true, query: ANY_QUERY, answers: null },
      summary: "Metrics in the text format of Prometheus.",
      read: () => metricsOf(context),
    },
  ];
}

function listResources({ source }: ResourceContext): readonly Resource[] {
  return [
    list("/rounds", "Rounds that are over", roundRecordSchema, (limit, offset) =>
      source.rounds(limit, offset).map(toldRecord),
    ),
    list("/evidence", "What peers were seen to do", evidenceSchema, (limit, offset) =>
      source.evidence(limit, offset).map(toldRecord),
    ),
    {
      ...list("/chain", "Final blocks of mode agreed", chainBlockSchema, (limit, offset) =>
        source.chain(limit, offset).map(toldRecord),
      ),
      isPlain: false,
    },
  ];
}

function list(
  path: `/${string}`,
  what: string,
  schema: z.ZodType,
  read: (limit: number, offset: number) => readonly unknown[],
): Resource {
  return {
    ...{ ...COMMON, path, query: PAGE_QUERY, answers: { 200: z.array(schema) } },
    summary: `${what}, oldest first.`,
    description: "Where there may be more, the header `Link` names the next page.",
    read: (query, at) => {
      const { limit, offset } = query as z.output<typeof PAGE_QUERY>;
      const body = read(limit, offset);
      if (body.length < limit) return { body };
      const next = `<${at}?limit=${limit}&offset=${offset + limit}>; rel="next"`;
      return { body, headers: { link: next } };
    },
  };
}

/** What this process takes of its machine now. */
function processNow(dataDir: string) {
  const { rss: residentBytes, heapUsed: heapBytes } = process.memoryUsage();
  const diskFreeBytes = freeBytes(dataDir);
  return { residentBytes, heapBytes, uptimeSeconds: process.uptime(), diskFreeBytes };
}

function agreementOf(source: StatusSource) {
  const { mode, rule, attackersMax, certifiedAttackers, agreed } = toldStatus(source.status());
  const [head] = source.chain(1).map(toldRecord);
  return { mode, rule, attackersMax, certifiedAttackers, agreed, head: head ?? null };
}

async function metricsOf({ source, isStarted, metrics, dataDir }: ResourceContext) {
  if (isStarted()) showStatus(metrics, source.status());
  showDisk(metrics, dataDir);
  const { registry } = metrics;
  return { body: await registry.metrics(), headers: { "content-type": registry.contentType } };
}
