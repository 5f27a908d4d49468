import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { EventLog } from "../../../../src/node/http/event-log.ts";
import type { OpenApi } from "../../../../src/node/http/openapi.ts";
import type { StatusSource } from "../../../../src/node/http/status-server.ts";
import type { NodeEvent } from "../../../../src/node/records/records.ts";
import { EVIDENCE_KINDS, PHASES, STANDINGS } from "../../../../src/types.ts";
import {
  PEERS,
  sampleMachine,
  samplePeer,
  sampleRound,
  sampleSource,
  sampleStatus,
} from "../node-samples.ts";
import { readEvents } from "./event-reader.ts";
import { serveStatus } from "./status-endpoint.ts";

const size = fc.nat({ max: 2 ** 40 });
/** Whatever a peer, a file or a model may be called. */
const name = fc.string({ unit: "binary", maxLength: 60 });
const loss = fc.oneof(fc.double(), fc.constant(Number.NaN));
const lossOrNone = fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }));
const phases = fc.array(fc.record({ phase: fc.constantFrom(...PHASES), at: size }), {
  maxLength: 5,
});

const peer = fc
  .record({
    ...{ peer: name, connected: fc.boolean(), neighbour: fc.boolean(), score: fc.double() },
    standing: fc.constantFrom(...STANDINGS),
    ...{ round: fc.option(size), lastReason: fc.option(name), reason: fc.option(name) },
    ...{ notes: fc.array(name, { maxLength: 3 }), address: fc.option(name) },
    traffic: fc.option(fc.record({ sent: size, received: size })),
    ...{ left: fc.boolean(), barrier: fc.boolean(), version: fc.option(name) },
  })
  .map(({ score, ...rest }) => samplePeer({ ...rest, score: Number.isFinite(score) ? score : 0 }));

const round = fc
  .record({ round: size, trainLoss: loss, heldOutLoss: lossOrNone, phases, bytesSent: size })
  .map((change) => ({ ...sampleRound(1), ...change }));

const block = fc.record({
  ...{ round: size, block: name, parent: name, checkpoint: name, view: size, members: size },
  ballots: fc.array(name, { maxLength: 4 }),
  cut: fc.array(name, { maxLength: 4 }),
  ...{ signers: fc.array(name, { maxLength: 4 }), blockBytes: size, certificateBytes: size },
});

const evidence = fc.record({
  ...{ peer: name, round: size, at: size },
  kind: fc.constantFrom(...EVIDENCE_KINDS),
  detail: name,
});

const status = fc
  .record({
    state: fc.constantFrom("joining", "running", "alone", "finished", "stopping" as const),
    phase: fc.constantFrom(...PHASES),
    peers: fc.array(peer, { maxLength: 5 }),
    ...{ phases, heldOutLoss: lossOrNone, trainLoss: fc.option(loss), round: size },
    strangers: fc.array(name, { maxLength: 3 }),
    refusals: fc.dictionary(name, size, { maxKeys: 3 }),
  })
  .map((change) => sampleStatus(change));

/** What a node may hold. */
const node = fc.record({
  status,
  rounds: fc.array(round, { maxLength: 5 }),
  evidence: fc.array(evidence, { maxLength: 5 }),
  chain: fc.array(block, { maxLength: 3 }),
});

let held: typeof node extends fc.Arbitrary<infer Held> ? Held : never;
beforeEach(() => {
  held = { status: sampleStatus(), rounds: [], evidence: [], chain: [] };
});
const page = <T>(all: readonly T[], limit: number, offset = 0): readonly T[] =>
  all.slice(Math.max(0, all.length - offset - limit), Math.max(0, all.length - offset));
const source: StatusSource = sampleSource({
  status: () => held.status,
  rounds: (limit, offset) => page(held.rounds, limit, offset),
  evidence: (limit, offset) => page(held.evidence, limit, offset),
  chain: (limit, offset) => page(held.chain, limit, offset),
  machine: sampleMachine,
});

async function documentOf(url: string): Promise<OpenApi> {
  return (await fetch(`${url}/openapi.json`)).json() as Promise<OpenApi>;
}

/** What checks JSON against the schemas of a document. */
class Checker {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #known = new Map<string, ValidateFunction>();

  constructor({ components }: OpenApi) {
    this.#ajv.addSchema({ $id: "api:", components });
  }

  /** What is wrong with a value; empty where nothing is. */
  problems(schema: object, value: unknown): readonly string[] {
    const text = JSON.stringify(schema).replaceAll('"#/', '"api:#/');
    const validate = this.#known.get(text) ?? this.#ajv.compile(JSON.parse(text));
    this.#known.set(text, validate);
    validate(value);
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  }
}

/** What an answer has that its path does not promise. */
async function brokenPromises(api: OpenApi, checker: Checker, path: string, response: Response) {
  const promised = api.paths[path]?.get.responses[response.status];
  const type = (response.headers.get("content-type") ?? "").split(";")[0] ?? "";
  const schema = promised?.content[type]?.schema;
  if (schema === undefined) return [`${path} does not promise ${response.status} ${type}`];
  if (type !== "application/json") return [];
  return checker.problems(schema, await response.json()).map((problem) => `${path}: ${problem}`);
}

describe("the published description", () => {
  test("is OpenAPI 3.1 with every path once, each answer by its schema", async () => {
    const { url } = await serveStatus({ source });
    const api = await documentOf(url);

    expect(api.openapi).toBe("3.1.0");
    expect(Object.keys(api.paths).sort()).toEqual(
      [
        ...["agreement", "chain", "curves", "events", "evidence", "health", "healthz", "machine"],
        ...["metrics", "peers", "readyz", "rounds", "status"],
      ].map((name) => `/v1/${name}`),
    );
    expect(JSON.stringify(api)).not.toContain('"$id"');
  });

  test("holds for whatever a node may hold", async () => {
    const { url } = await serveStatus({ source });
    const api = await documentOf(url);
    const checker = new Checker(api);
    const paths = Object.keys(api.paths).filter((path) => path !== "/v1/events");

    await fc.assert(
      fc.asyncProperty(node, async (its) => {
        held = its;
        for (const path of paths) {
          expect(await brokenPromises(api, checker, path, await fetch(url + path))).toEqual([]);
        }
      }),
      { numRuns: 10 },
    );
  });

  test("does not hold for other answers (control)", async () => {
    const { url } = await serveStatus({ source });
    const api = await documentOf(url);
    const checker = new Checker(api);
    const answer = (body: object, code = 200) => Response.json(body, { status: code });
    const broken = (path: string, response: Response) =>
      brokenPromises(api, checker, path, response);

    expect(await broken("/v1/status", answer({}))).not.toEqual([]);
    expect(await broken("/v1/peers", answer([{ ...samplePeer(), score: "x" }]))).not.toEqual([]);
    expect(await broken("/v1/health", answer({ state: "well", reason: null }))).not.toEqual([]);
    expect(await broken("/v1/status", answer({}, 206))).toEqual([
      "/v1/status does not promise 206 application/json",
    ]);
  });

  test("holds while the node starts", async () => {
    const { url } = await serveStatus({ source, isStarted: () => false });
    const api = await documentOf(url);
    const checker = new Checker(api);

    for (const path of Object.keys(api.paths)) {
      const response = await fetch(url + path);
      const isAlways = ["/v1/healthz", "/v1/metrics"].includes(path);

      expect([path, response.status]).toEqual([path, isAlways ? 200 : 503]);
      expect(await brokenPromises(api, checker, path, response)).toEqual([]);
    }
  });

  test("holds for events", async () => {
    const events = new EventLog();
    const { url } = await serveStatus({ source, events });
    const api = await documentOf(url);
    const checker = new Checker(api);
    const { schema } =
      api.paths["/v1/events"]?.get.responses[200]?.content["text/event-stream"] ?? {};
    const properties: Readonly<Record<string, unknown>> = schema?.properties ?? {};
    const schemaOf = (name: string) => properties[name] as object;
    const told: readonly NodeEvent[] = [
      { type: "state", state: "running" },
      { type: "phase", round: 3, phase: "mix", at: 5 },
      { type: "round", ...sampleRound(3), trainLoss: Number.NaN },
      { type: "peer", peer: PEERS[1], change: "connected" },
      { type: "peer", peer: PEERS[1], change: "isolated" },
      { type: "evidence", peer: PEERS[1], round: 3, kind: "late", at: 5 },
    ];
    const reader = await readEvents(url);
    for (const event of told) events.tell(event);
    const heard = await reader.next(told.length + 1);

    expect(heard.map(({ name }) => name)).toEqual(["begin", ...told.map(({ type }) => type)]);
    for (const { name, data } of heard) {
      expect(checker.problems(schemaOf(name), data)).toEqual([]);
    }
    expect(checker.problems(schemaOf("phase"), { round: 1, phase: "sleep", at: 1 })).toEqual([
      "/phase must be equal to one of the allowed values",
    ]);
  });
});

describe("a query", () => {
  test.each(["status", "peers", "agreement", "curves", "machine", "health", "events"])(
    "of /v1/%s is refused",
    async (path) => {
      const { url } = await serveStatus({ source });

      expect((await fetch(`${url}/v1/${path}?x=1`)).status).toBe(400);
    },
  );

  test("of a list is what the description says, and nothing else", async () => {
    const { url } = await serveStatus({ source });
    const api = await documentOf(url);
    const codeOf = async (path: string, query: string) =>
      (await fetch(`${url}${path}?${query}`)).status;

    for (const path of ["/v1/rounds", "/v1/evidence", "/v1/chain"]) {
      expect(api.paths[path]?.get.parameters.map(({ name }) => name)).toEqual(["limit", "offset"]);
      expect(await codeOf(path, "limit=5&offset=2")).toBe(200);
      for (const query of [
        "limit=0",
        "limit=1001",
        "offset=-1",
        "limit=x",
        "page=1",
        "limit=1.5",
      ]) {
        expect([query, await codeOf(path, query)]).toEqual([query, 400]);
      }
    }
  });
});

test.each([
  ["running", 200],
  ["finished", 200],
  ["joining", 206],
  ["alone", 206],
  ["stopping", 503],
] as const)("the health of a node that is %s is %d", async (state, code) => {
  held = { ...held, status: sampleStatus({ state }) };
  const { url } = await serveStatus({ source });
  const response = await fetch(`${url}/v1/health`);

  expect(response.status).toBe(code);
  expect(await response.json()).toEqual({
    state,
    reason: code === 200 ? null : expect.any(String),
  });
});
