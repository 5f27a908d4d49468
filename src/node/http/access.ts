import { isIP } from "node:net";
import { KlatchError } from "../../errors.ts";
import type { Config } from "../config/config.ts";

/** What a request tells of where it comes from. */
export interface RequestOrigin {
  readonly method: string;
  readonly path: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
}

export interface Refusal {
  readonly status: 403 | 405;
  readonly message: string;
}

/**
 * Refuses an address that other machines can reach, unless it was asked for: the endpoint has no authentication.
 * Throws `usage`.
 */
export function checkBinding({ host, allowRemote }: Config["status"]): void {
  if (allowRemote || isLoopback(host)) return;
  throw new KlatchError(
    "usage",
    `status.host ${host} can be reached by other machines`,
    "use 127.0.0.1, or set status.allowRemote: true if everyone there may read who takes part",
  );
}

/**
 * Judges a request before anything else. It must only read. Its Host header must name this endpoint, so that a web
 * page cannot reach it under a name of its own (DNS rebinding). It must not come from a page of another origin.
 * Whatever is not allowed is denied.
 */
export function judgeRequest(
  request: RequestOrigin,
  { host, hostnames }: Config["status"],
): Refusal | null {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return { status: 405, message: "this endpoint is read-only: GET and HEAD" };
  }
  if (request.origin !== undefined) {
    return { status: 403, message: "this endpoint does not answer web pages" };
  }
  // Probes may speak HTTP/1.0, which knows no Host; no browser does.
  if (request.host === undefined && isHealthPath(request.path)) return null;
  const name = hostName(request.host ?? "");
  // A page can be served under any name, but not under somebody else's bare address.
  const known = isIP(name) !== 0 || ["localhost", host, ...hostnames].map(plainName).includes(name);
  return known ? null : { status: 403, message: "unknown Host header: see status.hostnames" };
}

// --- internal ---

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** What probes ask; it tells whether the node is well, and nothing else. */
function isHealthPath(path: string): boolean {
  return /^(\/v1)?\/(healthz|readyz)$/.test(path);
}

/** The name in a Host header, without port and brackets. */
function hostName(header: string): string {
  const bracketed = /^\[([0-9a-f:.]+)\](?::[0-9]{1,5})?$/i.exec(header)?.[1];
  return plainName(bracketed ?? header.replace(/:[0-9]{1,5}$/, ""));
}

/** Names are the same in capitals, and with the dot of a whole name at their end. */
function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
