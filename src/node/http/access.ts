import { isIP } from "node:net";
import { KlatchError } from "../../errors.ts";
import type { Config } from "../config/config.ts";
import { showsToken } from "./status-token.ts";

/** What a request tells of where it comes from. */
export interface RequestOrigin {
  readonly method: string;
  readonly path: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** `Sec-Fetch-Site` and `Sec-Fetch-Mode`, which browsers send and pages cannot change. */
  readonly site?: string | undefined;
  readonly mode?: string | undefined;
  readonly authorization?: string | undefined;
}

export interface Refusal {
  readonly status: 401 | 403 | 405;
  readonly message: string;
}

/** Whom an endpoint answers. */
export interface AccessRules extends Pick<Config["status"], "host" | "hostnames"> {
  /** What a request must show; null where nobody but this machine can ask. */
  readonly token: string | null;
  /** Paths of the dashboard's own files: they tell nothing of the node. */
  readonly pages: ReadonlySet<string>;
}

/**
 * Refuses an address that other machines can reach, unless it was asked for. Throws `usage`.
 */
export function checkBinding({ host, allowRemote }: Config["status"]): void {
  if (allowRemote || isLoopback(host)) return;
  throw new KlatchError(
    "usage",
    `status.host ${host} can be reached by other machines`,
    "use 127.0.0.1, or set status.allowRemote: true: whoever asks must then show a token",
  );
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/**
 * Judges a request before anything else. It must only read. Its Host header must name this endpoint, so that a web
 * page cannot reach it under a name of its own (DNS rebinding). It must not come from a page of another origin. Where
 * other machines can ask it must show the token, but for health and the dashboard's own files. Whatever is not allowed
 * is denied.
 */
export function judgeRequest(request: RequestOrigin, rules: AccessRules): Refusal | null {
  const { method, path, host } = request;
  if (method !== "GET" && method !== "HEAD") {
    return { status: 405, message: "this endpoint is read-only: GET and HEAD" };
  }
  const isHealth = isHealthPath(path);
  // Probes may speak HTTP/1.0, which knows no Host; no browser does.
  const isProbe = host === undefined && isHealth;
  if (!(isProbe || isKnownHost(host ?? "", rules))) {
    return { status: 403, message: "unknown Host header: see status.hostnames" };
  }
  if (isOfOtherPage(request, rules)) {
    return { status: 403, message: "this endpoint does not answer web pages but its own" };
  }
  const { token, pages } = rules;
  if (token === null || isHealth || pages.has(path)) return null;
  if (showsToken(request.authorization, token)) return null;
  return { status: 401, message: "show the token: Authorization: Bearer TOKEN" };
}

/**
 * Headers of whatever is served: a page runs no script and takes no style but those served beside it, and nobody else's
 * page may use it.
 *
 * @param sources - what else of the content security policy a page may take, and from where
 */
export function pageHeaders(sources: string) {
  return {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": `default-src 'none'; script-src 'self'; style-src 'self'; ${sources}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
  } as const;
}

// --- internal ---

/** What probes ask; it tells whether the node is well, and nothing else. */
function isHealthPath(path: string): boolean {
  return /^(\/v1)?\/(healthz|readyz)$/.test(path);
}

/** A page can be served under any name, but not under somebody else's bare address. */
function isKnownHost(header: string, { host, hostnames }: AccessRules): boolean {
  const name = hostName(header);
  return isIP(name) !== 0 || ["localhost", host, ...hostnames].map(plainName).includes(name);
}

/** Whether a browser asks for a page that is not this endpoint's own; a link to the dashboard may be anywhere. */
function isOfOtherPage(
  { origin, site, mode, path, host }: RequestOrigin,
  { pages }: AccessRules,
): boolean {
  if (origin !== undefined && !isSameHost(origin, host ?? "")) return true;
  if (site === undefined || site === "same-origin" || site === "none") return false;
  return !(mode === "navigate" && pages.has(path));
}

/** Whether an origin is that of the address which was asked; a proxy in front may have another scheme. */
function isSameHost(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
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
