import { z } from "zod";
import {
  agreementSchema,
  chainBlockSchema,
  curvesSchema,
  healthSchema,
  livingSchema,
  machineNowSchema,
  readySchema,
  refusalSchema,
  startingSchema,
} from "../records/api-schemas.ts";
import { beginSchema, eventSchemas } from "../records/event-schemas.ts";
import { peerStatusSchema } from "../records/peer-schemas.ts";
import { evidenceSchema, nodeStatusSchema, roundRecordSchema } from "../records/record-schemas.ts";
import { VERSION } from "../version.ts";
import type { Resource } from "./resources.ts";

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** A reply as OpenAPI describes it. */
interface Reply {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>>;
}

interface Parameter {
  readonly name: string;
  readonly in: "query" | "header";
  readonly description: string;
  readonly required: boolean;
  readonly schema: JsonSchema;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters: readonly Parameter[];
  readonly responses: Readonly<Record<string, Reply>>;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}

export interface OpenApi {
  readonly openapi: "3.1.0";
  readonly info: Readonly<Record<"title" | "version" | "description", string>>;
  readonly paths: Readonly<Record<string, { readonly get: Operation }>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: Readonly<Record<string, object>>;
  };
}

/** What the endpoint answers, in OpenAPI 3.1, made of the schemas that the node itself goes by. */
export function openApiOf(resources: readonly Resource[]): OpenApi {
  const paths = resources.map((resource) => [`/v1${resource.path}`, { get: operation(resource) }]);
  return {
    openapi: "3.1.0",
    info: {
      title: "Klatch status endpoint",
      version: VERSION,
      description:
        "What one node of a run tells. Read-only. Rounds are counted from 1, times are Unix milliseconds, bytes are bytes. Later versions may add fields.",
    },
    paths: { ...Object.fromEntries(paths), "/v1/events": { get: EVENTS } },
    components: {
      schemas: namedSchemas(),
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
  };
}

// --- internal ---

/** Schemas that are named in the document; they refer to one another by name. */
const NAMED = z.registry<{ readonly id: string }>();
for (const [id, schema] of Object.entries({
  ...{ Status: nodeStatusSchema, Peer: peerStatusSchema, Round: roundRecordSchema },
  ...{ Evidence: evidenceSchema, Block: chainBlockSchema, Agreement: agreementSchema },
  ...{ Curves: curvesSchema, Machine: machineNowSchema, Health: healthSchema },
  ...{ Living: livingSchema, Ready: readySchema, Refusal: refusalSchema },
  ...{ Starting: startingSchema, StateEvent: eventSchemas.state, PhaseEvent: eventSchemas.phase },
  ...{ PeerEvent: eventSchemas.peer, BeginEvent: beginSchema },
})) {
  NAMED.add(schema, { id });
}

const uriOf = (id: string): string => `#/components/schemas/${id}`;
// as they are written in JSON: a loss that is no number is null there
const OPTIONS = { io: "input", uri: uriOf } as const;

function namedSchemas(): Readonly<Record<string, JsonSchema>> {
  const { schemas } = z.toJSONSchema(NAMED, OPTIONS);
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, bare(schema)]));
}

const REFUSED = {
  400: "a query that this path does not have",
  401: "no token, where one is asked",
};
const DENIED = { 403: "a Host or Origin that is not this endpoint's", 429: "too many requests" };

function operation(resource: Resource): Operation {
  const { path, summary, description, query, answers, isAlways } = resource;
  const replies =
    answers === null
      ? { 200: textReply("text/plain") }
      : Object.fromEntries(
          Object.entries(answers).map(([code, schema]) => [code, reply(code, schemaOf(schema))]),
        );
  const starting = isAlways || replies["503"] ? {} : { 503: STARTING_REPLY };
  return {
    operationId: path.slice(1),
    summary,
    ...(description === undefined ? {} : { description }),
    parameters: parametersOf(query),
    responses: { ...replies, ...starting, ...REFUSALS },
    security: [{}, { token: [] }],
  };
}

/** The names of node:http, an import of which loads what fetch is made of. */
const NAMES: Readonly<Record<string, string>> = {
  200: "OK",
  206: "Partial Content",
  503: "Service Unavailable",
};

function reply(code: string, schema: JsonSchema, description = NAMES[code]): Reply {
  return { description: description ?? code, content: { "application/json": { schema } } };
}

function textReply(type: string): Reply {
  return { description: "OK", content: { [type]: { schema: { type: "string" } } } };
}

const REFUSALS = Object.fromEntries(
  Object.entries({ ...REFUSED, ...DENIED }).map(([code, why]) => [
    code,
    reply(code, { $ref: uriOf("Refusal") }, why),
  ]),
);

const STARTING_REPLY = reply("503", { $ref: uriOf("Starting") }, "the node loads its model");

/** A schema by its name where it has one. */
function schemaOf(schema: z.ZodType): JsonSchema {
  if (schema instanceof z.ZodArray)
    return { type: "array", items: schemaOf(schema.element as z.ZodType) };
  const id = NAMED.get(schema)?.id;
  return id === undefined ? bare(z.toJSONSchema(schema, OPTIONS)) : { $ref: uriOf(id) };
}

/** Without what belongs to a document of its own. */
function bare({ $schema, $id, ...schema }: JsonSchema): JsonSchema {
  return schema;
}

function parametersOf(query: z.ZodType): readonly Parameter[] {
  const { properties = {} } = z.toJSONSchema(query);
  return Object.entries(properties).map(([name, schema]) => {
    const { description = "", ...rest } = schema as JsonSchema;
    return { name, in: "query", description, required: false, schema: rest };
  });
}

const EVENTS: Operation = {
  operationId: "events",
  summary: "What happens, as it happens: server-sent events.",
  description: [
    "The first event is `begin`: `complete` says whether all that came after `Last-Event-ID` follows; where it does not, or none was sent, ask the other paths how things are.",
    ...["`state`, `phase`, `round`, `peer` and `evidence` follow as they happen."],
    "Slow readers are cut off, and come back for what they missed.",
  ].join(" "),
  parameters: [
    {
      name: "Last-Event-ID",
      in: "header",
      description: "Id of the last event that was read.",
      required: false,
      schema: { type: "string" },
    },
  ],
  responses: {
    200: {
      description: "Events; the data of each is JSON of the schema that its name has here.",
      content: {
        "text/event-stream": {
          schema: {
            type: "object",
            properties: {
              begin: { $ref: uriOf("BeginEvent") },
              state: { $ref: uriOf("StateEvent") },
              phase: { $ref: uriOf("PhaseEvent") },
              round: { $ref: uriOf("Round") },
              peer: { $ref: uriOf("PeerEvent") },
              evidence: { $ref: uriOf("Evidence") },
            },
          },
        },
      },
    },
    503: reply(
      "503",
      { $ref: uriOf("Refusal") },
      "the node is starting, or has as many readers as it serves",
    ),
    ...REFUSALS,
  },
  security: [{}, { token: [] }],
};
