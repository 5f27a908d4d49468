import type { IncomingMessage, ServerResponse } from "node:http";
import type { StoredFile } from "./hub-repository.ts";

/** What goes wrong with one answer. */
export type Fault =
  | { readonly kind: "status"; readonly status: number }
  /** The connection is cut after this many bytes of the file. */
  | { readonly kind: "cut"; readonly at: number }
  /** Nothing more comes after this many bytes. */
  | { readonly kind: "stall"; readonly at: number }
  /** More comes after this many bytes when the promise is kept. */
  | { readonly kind: "pause"; readonly at: number; readonly until: Promise<void> }
  /** One bit is turned. */
  | { readonly kind: "damage" };

/** Answers GET or HEAD with a file or the part of it that Range asks for. */
export function sendContent(
  request: IncomingMessage,
  response: ServerResponse,
  { bytes, oid }: StoredFile,
  commit: string,
  { fault, servesRanges }: { readonly fault: Fault | undefined; readonly servesRanges: boolean },
): void {
  if (fault?.kind === "status") {
    response.writeHead(fault.status).end();
    return;
  }
  const range = servesRanges ? /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") : null;
  const begin = range === null ? 0 : Number(range[1]);
  const end = range?.[2] ? Math.min(Number(range[2]) + 1, bytes.length) : bytes.length;
  if (begin >= end && bytes.length > 0) {
    response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    return;
  }
  response.writeHead(range === null ? 200 : 206, {
    "content-length": end - begin,
    "accept-ranges": "bytes",
    etag: `"${oid}"`,
    "x-repo-commit": commit,
    ...(range === null ? {} : { "content-range": `bytes ${begin}-${end - 1}/${bytes.length}` }),
  });
  if (request.method === "HEAD") response.end();
  else sendBody(response, bytes, begin, end, fault);
}

// --- internal ---

function sendBody(
  response: ServerResponse,
  bytes: Uint8Array,
  begin: number,
  end: number,
  fault: Fault | undefined,
): void {
  switch (fault?.kind) {
    case "cut":
      response.write(bytes.slice(begin, fault.at), () => response.destroy());
      break;
    case "stall":
      response.write(bytes.slice(begin, fault.at));
      break;
    case "pause":
      response.write(bytes.slice(begin, fault.at));
      void fault.until.then(() => response.end(bytes.slice(fault.at, end)));
      break;
    case "damage": {
      const damaged = bytes.slice(begin, end);
      damaged[damaged.length >> 1] = (damaged[damaged.length >> 1] ?? 0) ^ 1;
      response.end(damaged);
      break;
    }
    default:
      response.end(bytes.slice(begin, end));
  }
}
