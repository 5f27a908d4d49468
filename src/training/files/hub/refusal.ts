import { KlatchError } from "../../../errors.ts";
import { oneLine } from "../file-access.ts";
import type { HubModel } from "./model-id.ts";

const BAD_TOKEN = "Invalid credentials in Authorization header";

/**
 * What an unsuccessful answer of the hub means. The hub says why in the headers X-Error-Code and X-Error-Message, as
 * huggingface_hub's `hf_raise_for_status` reads them; without a token it answers 401 for a model that does not exist.
 */
export function refusalOf(
  response: Response,
  { id, revision }: HubModel,
  endpoint: string,
  hasToken: boolean,
): KlatchError {
  const page = `${endpoint}/${id}`;
  const said = oneLine(response.headers.get("x-error-message") ?? "");
  const withToken = hasToken
    ? "check that HF_TOKEN belongs to an account that may read it"
    : "for a private model set HF_TOKEN";
  switch (response.headers.get("x-error-code")) {
    case "GatedRepo":
      return new KlatchError(
        "permission",
        `the model ${id} is gated: ${said || "its owner asks you to accept a licence"}`,
        `accept the licence at ${page}, then set HF_TOKEN to an access token of that account`,
      );
    case "RevisionNotFound":
      return new KlatchError(
        "data",
        `the model ${id} has no revision "${revision}"`,
        `see its branches and tags at ${page}/tree/main`,
      );
    case "EntryNotFound":
      return new KlatchError(
        "data",
        `the model ${id} has no file at ${new URL(response.url || page).pathname}`,
        `see ${page}/tree/${revision}`,
      );
    case "RepoNotFound":
      return notFound(id, page, withToken);
  }
  switch (response.status) {
    case 401:
      return hasToken && said === BAD_TOKEN
        ? new KlatchError(
            "permission",
            "the hub does not accept HF_TOKEN",
            "make a new access token in the account's settings, or unset HF_TOKEN",
          )
        : notFound(id, page, withToken);
    case 403:
      return new KlatchError(
        "permission",
        `the hub forbids access to ${id}${said ? `: ${said}` : ""}`,
        `open ${page} and accept its licence; ${withToken}`,
      );
    case 404:
      return notFound(id, page, withToken);
    default:
      return new KlatchError(
        "network",
        `the hub answered ${response.status} for ${id}${said ? `: ${said}` : ""}`,
        "try again later; HF_HUB_OFFLINE=1 uses the cache alone",
      );
  }
}

/** The network failed before there was an answer. */
export function unreachable(endpoint: string, error: unknown): KlatchError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : oneLine(cause);
  return new KlatchError(
    "network",
    `the hub at ${endpoint} cannot be reached (${code})`,
    "check the connection, HF_ENDPOINT and the proxy; a folder or a cached model needs no network",
    { cause: error },
  );
}

// --- internal ---

function notFound(id: string, page: string, withToken: string): KlatchError {
  return new KlatchError(
    "data",
    `there is no model ${id} on the hub, nor a folder of that name here`,
    `check the spelling at ${page}; ${withToken}`,
  );
}
