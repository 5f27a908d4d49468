import { type OpenApi, openApiOf } from "../../src/node/http/openapi.ts";
import { resourcesOf } from "../../src/node/http/resources.ts";
import { createMetrics } from "../../src/node/peer/metrics.ts";
import { markdownTable } from "../../src/node/view/table.ts";

/** docs/API.md: what the status endpoint answers, out of the description that it serves. */
export function apiReference(): string {
  return page(description());
}

// --- internal ---

type Schema = OpenApi["components"]["schemas"][string];

/** The description that every node serves; nothing is asked of one. */
function description(): OpenApi {
  const source = { status: none, rounds: none, evidence: none, chain: none, machine: none };
  return openApiOf(
    resourcesOf({ source, isStarted: () => false, metrics: createMetrics(), dataDir: "" }),
  );
}

/** A description as a page for people. */
function page({ info, paths, components }: OpenApi): string {
  const operations = Object.entries(paths).map(([path, { get }]) => ({ path, ...get }));
  const rows = operations.map(({ path, summary, description = "", parameters, responses }) => [
    `\`${path}\``,
    [summary, description].join(" ").trim(),
    parameters.map(({ name }) => `\`${name}\``).join(", "),
    Object.entries(responses)
      .filter(([code]) => !ALWAYS_POSSIBLE.has(code))
      .map(([code, { content }]) => `${code} ${Object.values(content).map(contentType).join(" ")}`)
      .join("; "),
  ]);
  const shapes = Object.entries(components.schemas).flatMap(([name, schema]) => [
    ...[`### ${name}`, ""],
    ...fieldsOf(schema),
    "",
  ]);
  return [
    ...["# The status endpoint", "", "<!-- Made by scripts/references.ts from the code. -->", ""],
    `${info.description} The same as OpenAPI 3.1 at \`/openapi.json\`.`,
    ...["", ACCESS.trim(), "", "## Paths", ""],
    markdownTable(["path", "answers", "query", "as"], rows),
    ...["", "## Shapes", "", ...shapes],
  ]
    .join("\n")
    .replace(/\n+$/, "\n");
}

const ACCESS = `
GET and HEAD only. On loopback nobody is asked who they are; where other machines can reach the endpoint (\`status.allowRemote\`) every path but
\`/healthz\`, \`/readyz\` and the files of the dashboard asks for \`Authorization: Bearer TOKEN\`, the token of \`status-token\` in the node's data folder.
A \`Host\` that is none of this endpoint's is refused (\`status.hostnames\`), and so is the page of another site. 400 is a query that a path does not have, 401 no token, 403 a name or
page that is not allowed, 429 more than 2000 requests at once or 500 a second from one address; each with a sentence as \`error\`. Until the model is loaded
most paths answer 503.

\`curl -N localhost:8800/v1/events\` shows events as they happen. Each has an id; who comes back with \`Last-Event-ID\` is sent what it missed, out of the last 1000, and \`begin\` says
whether that is all. At most 32 readers at a time; who lets 256 KiB pile up is cut off.
`;

/** Answers that every path may give. */
const ALWAYS_POSSIBLE = new Set(["400", "401", "403", "429"]);

function contentType({ schema }: { readonly schema: Schema }): string {
  return typeText(schema).replace(/^object$/, "events");
}

function fieldsOf({ properties = {}, required = [] }: Schema): readonly string[] {
  const rows = Object.entries(properties).map(([name, schema]) => [
    `\`${name}\`${required.includes(name) ? "" : "?"}`,
    typeText(schema as Schema),
    (schema as Schema).description ?? "",
  ]);
  return [markdownTable(["field", "type", ""], rows)];
}

/** A schema in a few words: \`number or null\`, \`list of Peer\`. */
function typeText(schema: Schema): string {
  if (schema.$ref !== undefined) return schema.$ref.replace(/^.*\//, "");
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(" ");
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.anyOf !== undefined) {
    return schema.anyOf.map((each) => typeText(each as Schema)).join(" or ");
  }
  if (schema.type === "array") return `list of ${typeText(schema.items as Schema)}`;
  if (schema.type === "object" && schema.properties !== undefined) {
    const fields = Object.entries(schema.properties).map(
      ([name, each]) => `${name}: ${typeText(each as Schema)}`,
    );
    return `{ ${fields.join(", ")} }`;
  }
  return [schema.type ?? "anything"].flat().join(" or ");
}

function none(): never {
  throw new Error("a description asks a node nothing");
}
