import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path/posix";
import { type Fault, sendContent } from "./hub-content.ts";
import type { HubRepository, Refused, StoredFile } from "./hub-repository.ts";

/** One request as it came. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

type Found =
  | { readonly kind: "revision"; readonly repository: HubRepository }
  | { readonly kind: "tree"; readonly repository: HubRepository; readonly folder: string }
  | { readonly kind: "resolve"; readonly repository: HubRepository; readonly file: StoredFile };

const PAGE = 4;
const REVISIONS = ["main", "HEAD", "v1.0", "refs/pr/1"];
const NOT_FOUND = { code: "RepoNotFound", message: "Repository not found" };

/**
 * A server that speaks the hub's protocol as far as models are downloaded: `api/models/ID/revision/REV`, `tree` in
 * pages, and `ID/resolve/REV/FILE` that redirects small files to a path of the same host and large ones to a content
 * server of another origin, with the hub's headers (X-Repo-Commit, X-Linked-Size, X-Linked-ETag, X-Error-Code).
 */
export class HubServer {
  readonly #repositories = new Map<string, HubRepository>();
  /** Everything that was asked, in order. */
  readonly asked: Asked[] = [];
  /** What goes wrong with the content of a file, one answer after the other. */
  readonly faults = new Map<string, Fault[]>();
  /** Failures of the hub's own answers, one after the other. */
  readonly failures: number[] = [];
  /** Whether the content server serves parts of files. */
  servesRanges = true;
  /** Whether the content server is a CloudFront of old, before Xet: the library asks it directly, token and all. */
  isCloudFront = false;
  /** What has no end in the list of files: the pages, or the text of the first. */
  endless: "pages" | "text" | null = null;
  readonly #hub: Server;
  readonly #content: Server;

  private constructor() {
    this.#hub = createServer((request, response) => this.#answer(request, response));
    this.#content = createServer((request, response) => this.#answer(request, response));
  }

  /** Starts the hub and its content server on free ports, or the hub on the given one. */
  static async start(port = 0): Promise<HubServer> {
    const server = new HubServer();
    server.#hub.listen(port, "127.0.0.1");
    server.#content.listen(0, "127.0.0.1");
    await Promise.all([once(server.#hub, "listening"), once(server.#content, "listening")]);
    return server;
  }

  stop(): void {
    for (const each of [this.#hub, this.#content]) {
      each.closeAllConnections();
      each.close();
    }
  }

  get endpoint(): string {
    return originOf(this.#hub);
  }

  add(repository: HubRepository): void {
    this.#repositories.set(repository.id, repository);
  }

  /** The requests for the content of a file. */
  contentAsked(file: string): readonly Asked[] {
    return this.asked.filter(({ path }) => path.startsWith("/content/") && path.endsWith(file));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "/", this.endpoint);
    const path = decodeURIComponent(url.pathname);
    const { range, authorization } = request.headers;
    this.asked.push({ method: request.method ?? "GET", path, range, authorization });
    const failure = this.failures.shift();
    if (path.startsWith("/content/")) this.#sendContent(request, response, path);
    else if (failure !== undefined) response.writeHead(failure).end();
    else this.#answerHub(request, response, url, authorization?.replace(/^Bearer /, "") ?? null);
  }

  #answerHub(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    token: string | null,
  ): void {
    const found = this.#find(decodeURIComponent(url.pathname), token);
    if ("status" in found) refuse(response, found);
    else if (found.kind === "resolve") this.#redirect(request, response, found);
    else if (found.kind === "tree" && this.endless === "text") sendBlanks(response);
    else if (found.kind === "tree") this.#sendTree(response, found, url);
    else sendInfo(response, found.repository);
  }

  /** What a path of the hub means, or why it is refused. */
  #find(path: string, token: string | null): Found | Refused {
    const match =
      /^\/api\/models\/([^/]+\/[^/]+)\/(revision|tree)\/(.+)$/.exec(path) ??
      /^\/([^/]+\/[^/]+)\/(resolve)\/([^/]+\/.+)$/.exec(path);
    const [, id = "", kind, rest = ""] = match ?? [];
    const repository = this.#repositories.get(id);
    if (repository === undefined) return { status: token === null ? 401 : 404, ...NOT_FOUND };
    const slash = rest.indexOf("/");
    const folder =
      kind === "tree" ? repository.folders.find((name) => rest.endsWith(`/${name}`)) : undefined;
    const end =
      kind === "resolve" ? slash : rest.length - (folder === undefined ? 0 : folder.length + 1);
    const revision = rest.slice(0, end);
    if (![...REVISIONS, repository.commit].includes(revision)) {
      const message = `Invalid rev id: ${revision}`;
      return { status: 404, code: "RevisionNotFound", message };
    }
    if (kind === "tree") return { kind, repository, folder: folder ?? "." };
    if (kind === "revision") return { kind, repository };
    const file = repository.files.find((each) => each.path === rest.slice(slash + 1));
    if (file === undefined) {
      return { status: 404, code: "EntryNotFound", message: "Entry not found" };
    }
    return repository.refusal(token) ?? { kind: "resolve", repository, file };
  }

  #sendTree(
    response: ServerResponse,
    { repository, folder }: Extract<Found, { readonly kind: "tree" }>,
    url: URL,
  ): void {
    const from = Number(url.searchParams.get("cursor") ?? 0);
    const files = repository.files.filter(({ path }) => dirname(path) === folder);
    const items = files.slice(from, from + PAGE);
    if (this.endless === "pages" || from + PAGE < files.length) {
      url.searchParams.set("cursor", String(from + PAGE));
      response.setHeader("link", `<${url.href}>; rel="next"`);
    }
    const names = from === 0 && folder === "." ? ["onnx", ...repository.folders] : [];
    const folders = names.map((path) => ({
      type: "directory",
      oid: repository.commit,
      size: 0,
      path,
    }));
    const entries = items.map((file) => repository.entry(file));
    sendJson(response, repository.commit, [...folders, ...entries]);
  }

  #redirect(
    request: IncomingMessage,
    response: ServerResponse,
    { repository, file }: { readonly repository: HubRepository; readonly file: StoredFile },
  ): void {
    const { id, commit } = repository;
    const { path, bytes, large, oid } = file;
    const linked = {
      "x-repo-commit": commit,
      "x-linked-size": bytes.length,
      "x-linked-etag": `"${oid}"`,
    };
    // A client that says it speaks Xet gets a description of a large file instead of a redirect.
    if (
      large &&
      !this.isCloudFront &&
      request.headers.accept?.includes("application/vnd.xet-fileinfo+json")
    ) {
      const at = (rel: string) => `<${this.endpoint}/${rel}/${oid}>; rel="${rel}"`;
      response.writeHead(200, {
        ...linked,
        "content-type": "application/vnd.xet-fileinfo+json",
        "x-xet-hash": oid,
        link: `${at("xet-auth")}, ${at("xet-reconstruction-info")}`,
      });
      response.end("{}");
      return;
    }
    const origin = large ? originOf(this.#content) : "";
    const location = `${origin}/content/${id}/${path}`;
    response.writeHead(large ? 302 : 307, { ...linked, etag: `"${oid}"`, location }).end();
  }

  #sendContent(request: IncomingMessage, response: ServerResponse, path: string): void {
    const [, , owner, name, ...rest] = path.split("/");
    const file = rest.join("/");
    const repository = this.#repositories.get(`${owner}/${name}`);
    const stored = repository?.files.find((each) => each.path === file);
    if (repository === undefined || stored === undefined) {
      response.writeHead(404).end();
      return;
    }
    // The question for a file's head asks for one byte of it; faults are for the content itself.
    const isHead = request.headers.range === "bytes=0-0";
    const fault = isHead ? undefined : this.faults.get(file)?.shift();
    const servesRanges = this.servesRanges || !stored.large;
    if (this.isCloudFront) response.setHeader("x-cache", "Hit from cloudfront");
    sendContent(request, response, stored, repository.commit, { fault, servesRanges });
  }
}

// --- internal ---

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function sendInfo(response: ServerResponse, { id, commit, files, options }: HubRepository): void {
  sendJson(response, commit, {
    _id: commit.slice(0, 24),
    id,
    sha: commit,
    private: false,
    gated: options.gatedFor === undefined ? false : "manual",
    lastModified: "2024-01-01T00:00:00.000Z",
    siblings: files.map(({ path }) => ({ rfilename: path })),
  });
}

/** Goes on until the reader goes away. */
function sendBlanks(response: ServerResponse): void {
  const blanks = " ".repeat(1 << 20);
  const send = () => {
    while (!response.destroyed && response.write(blanks));
  };
  response.writeHead(200, { "content-type": "application/json" }).on("drain", send);
  send();
}

function sendJson(response: ServerResponse, commit: string, body: unknown): void {
  response.setHeader("content-type", "application/json; charset=utf-8");
  response.setHeader("x-repo-commit", commit);
  response.end(JSON.stringify(body));
}

function refuse(response: ServerResponse, { status, code, message }: Refused): void {
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    ...(code === null ? {} : { "x-error-code": code }),
    "x-error-message": message,
  });
  response.end(JSON.stringify({ error: message }));
}
