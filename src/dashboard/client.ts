import { NoAnswer } from "../node/view/live/follower.ts";

const TOKEN_KEY = "klatch-token";

/** The token of this tab: the one of the address (`#token=...`), which is taken out of it, or the one before. */
export function takeToken(): string | null {
  const given = /^#token=([\w-]+)$/.exec(location.hash)?.[1];
  if (given !== undefined) {
    keepToken(given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(TOKEN_KEY);
}

export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN_KEY, token);
}

/** Asks the node that served this page; throws {@link NoAnswer}. */
export async function request(
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const token = takeToken();
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`/v1/${path}`, { headers: { ...headers, ...authorization } });
  if (response.ok) return response;
  const { error = "" } = (await response.json()) as { error?: string };
  throw new NoAnswer(response.status, error);
}
