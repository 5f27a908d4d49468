import { dirname } from "node:path/posix";
import { z } from "zod";
import { KlatchError } from "../../../errors.ts";
import { checkShape, oneLine } from "../file-access.ts";
import { TEMPLATES_FOLDER } from "../model-files.ts";
import { type HubModel, isCommit } from "./model-id.ts";
import type { HubOptions } from "./options.ts";
import { pause } from "./pause.ts";
import { refusalOf, unreachable } from "./refusal.ts";

/** A file of a repository, with the digest that its content must have. */
export interface HubFile {
  readonly path: string;
  readonly size: number;
  /** SHA-256 of a large file's content, or the id of a small one as a git blob. */
  readonly algorithm: "sha256" | "git-sha1";
  readonly digest: string;
}

const ATTEMPTS = 4;
const RETRY_MS = 500;
/** Longest wait for the head of an answer. */
const ANSWER_MS = 30_000;
const ENTRIES_MAX = 20_000;
const FILE_BYTES_MAX = 2 ** 42;
/** Answers that are read whole: how many a question may take, and how long one may be. */
const ANSWERS_MAX = 100;
const ANSWER_BYTES_MAX = 1 << 25;

const size = z.number().int().min(0).max(FILE_BYTES_MAX);
const entrySchema = z.object({
  type: z.string(),
  path: z.string().max(1024),
  size: size.default(0),
  oid: z.string().regex(/^[0-9a-f]{40}$/),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size }).optional(),
});

type Target = Parameters<typeof fetch>[0];

/** Asks the hub about one model. Every request is repeated when the network or the hub's machines fail. */
export class HubClient {
  readonly #model: HubModel;
  readonly #options: HubOptions;

  constructor(model: HubModel, options: HubOptions) {
    this.#model = model;
    this.#options = options;
  }

  /** The commit that the revision names now. */
  async commit(): Promise<string> {
    if (isCommit(this.#model.revision)) return this.#model.revision;
    const { modelInfo } = await library();
    const { id: name, revision } = this.#model;
    const info = await protocol(() =>
      modelInfo({ name, revision, additionalFields: ["sha"], ...this.#common(this.#bounded()) }),
    );
    if (typeof info.sha === "string" && isCommit(info.sha)) return info.sha;
    throw confused(`it names no commit for ${name}`);
  }

  /** The files at the top of the repository, and chat templates; those in other folders are no part of a model. */
  async files(commit: string): Promise<readonly HubFile[]> {
    const { files, folders } = await this.#list(commit);
    if (!folders.includes(TEMPLATES_FOLDER)) return files;
    const templates = await this.#list(commit, TEMPLATES_FOLDER);
    return [...files, ...templates.files];
  }

  async #list(commit: string, path?: string) {
    const { listFiles } = await library();
    return protocol(async () => {
      const files: HubFile[] = [];
      const folders: string[] = [];
      const { id: repo } = this.#model;
      const common = { ...this.#common(this.#bounded()), ...(path === undefined ? {} : { path }) };
      for await (const item of listFiles({ repo, revision: commit, ...common })) {
        if (files.length + folders.length === ENTRIES_MAX) {
          throw confused(`${repo} holds more than ${ENTRIES_MAX} files`);
        }
        if (item.type !== "file") folders.push(item.path);
        else if (dirname(item.path) === (path ?? ".")) {
          files.push(
            fileOf(checkShape(item, entrySchema, `the hub's list of the files of ${repo}`)),
          );
        }
      }
      return { files, folders };
    });
  }

  /**
   * The content of a file from byte `offset`, or from the beginning when the server does not serve parts; `from` says
   * which.
   */
  async open(
    file: HubFile,
    commit: string,
    offset: number,
  ): Promise<{ readonly body: ReadableStream<Uint8Array>; readonly from: number }> {
    const { fileDownloadInfo } = await library();
    const { id: repo } = this.#model;
    const { path } = file;
    let head: Response | undefined;
    const probe: typeof fetch = async (input, init) => {
      head = await this.#fetch(input, init);
      return head;
    };
    const info = await protocol(() =>
      fileDownloadInfo({ repo, path, revision: commit, ...this.#common(probe) }),
    );
    // Only its head was wanted; an unread body would hold the connection.
    await head?.body?.cancel();
    if (info === null) throw confused(`it lists ${path} of ${repo} and does not have it`);
    if (info.size !== file.size) {
      throw confused(`it gives ${path} of ${repo} ${file.size} bytes and then ${info.size}`);
    }
    const { token } = this.#options;
    const response = await this.#fetch(info.url, {
      headers: {
        // A packed answer has no positions to go on from.
        "accept-encoding": "identity",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(offset === 0 ? {} : { range: `bytes=${offset}-` }),
      },
    });
    if (response.body === null) throw confused(`its answer for ${path} of ${repo} is empty`);
    return { body: response.body, from: startOf(response) };
  }

  #common(using: typeof fetch) {
    const { endpoint, token } = this.#options;
    return {
      hubUrl: endpoint,
      fetch: using,
      ...(token === undefined ? {} : { accessToken: token }),
    };
  }

  /** `fetch` for one question, whose answers are read whole: a hub may say that more follows for ever. */
  #bounded(): typeof fetch {
    let count = 0;
    return async (input, init) => {
      count += 1;
      if (count > ANSWERS_MAX) throw confused(`it takes more than ${ANSWERS_MAX} answers`);
      const response = await this.#fetch(input, init);
      return new Response(response.body?.pipeThrough(atMost(ANSWER_BYTES_MAX)) ?? null, response);
    };
  }

  /** `fetch` whose failures are operating errors, after some attempts. */
  readonly #fetch = async (input: Target, init: RequestInit = {}): Promise<Response> => {
    const { retryMs = RETRY_MS, signal } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      const result = await this.#attempt(input, init);
      if (result instanceof Response) return result;
      if (attempt === ATTEMPTS || result.code !== "network") throw result;
      await pause(retryMs * 2 ** (attempt - 1), signal);
    }
  };

  async #attempt(input: Target, init: RequestInit): Promise<Response | KlatchError> {
    const { endpoint, token, signal } = this.#options;
    const answer = new AbortController();
    const timer = setTimeout(() => answer.abort(new Error("no answer")), ANSWER_MS);
    const signals = [answer.signal, ...(signal ? [signal] : [])];
    try {
      const response = await fetch(input, {
        ...forHost(input, init, endpoint),
        signal: AbortSignal.any(signals),
      });
      if (response.ok) return response;
      await response.body?.cancel();
      return refusalOf(response, this.#model, endpoint, token !== undefined);
    } catch (error) {
      signal?.throwIfAborted();
      return unreachable(endpoint, error);
    } finally {
      clearTimeout(timer);
    }
  }
}

// --- internal ---

/** Loaded when a hub model is named, and not by anyone else. */
const library = () => import("@huggingface/hub");

/** The token is for the hub alone; the library sends it wherever the hub points. */
function forHost(input: Target, init: RequestInit, endpoint: string): RequestInit {
  const url = input instanceof Request ? input.url : input;
  if (new URL(url).origin === new URL(endpoint).origin) return init;
  const headers = new Headers(init.headers);
  headers.delete("authorization");
  return { ...init, headers };
}

function atMost(most: number): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let size = 0;
  return new TransformStream({
    transform(bytes, controller) {
      size += bytes.length;
      if (size > most) throw confused(`an answer has more than ${most} bytes`);
      controller.enqueue(bytes);
    },
  });
}

function confused(what: string): KlatchError {
  return new KlatchError(
    "network",
    `the hub's answer makes no sense: ${what}`,
    "check HF_ENDPOINT; a proxy may have changed the answer; try again later",
  );
}

/** The library parses answers with errors of its own kind. */
async function protocol<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof KlatchError || (error as Error).name === "AbortError") throw error;
    throw confused(oneLine(error));
  }
}

function fileOf({ path, size, oid, lfs }: z.infer<typeof entrySchema>): HubFile {
  return lfs === undefined
    ? { path, size, algorithm: "git-sha1", digest: oid }
    : { path, size: lfs.size, algorithm: "sha256", digest: lfs.oid };
}

/** Where the content of an answer begins. */
function startOf(response: Response): number {
  if (response.status !== 206) return 0;
  const match = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "");
  if (match === null) throw confused("a part of a file without its position");
  return Number(match[1]);
}
