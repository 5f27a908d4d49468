import { KlatchError } from "../../errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What is on this machine is never asked through a proxy. */
const HERE = ["localhost", "127.0.0.1", "::1", "[::1]"];
const SCHEMES = ["http:", "https:"];

/** The variables of a proxy as Node takes them. */
interface ProxySettings {
  readonly http_proxy?: string;
  readonly https_proxy?: string;
  readonly no_proxy: string;
}

/**
 * What https_proxy, http_proxy, all_proxy and no_proxy say, in small letters before capitals, as curl reads them; null
 * where they name no proxy.
 *
 * @throws KlatchError `usage` for a proxy that is no HTTP proxy; its address, which may hold a password, is not
 *   repeated
 */
export function proxySettings(environment: Environment): ProxySettings | null {
  const read = (name: string) =>
    (environment[name] || environment[name.toUpperCase()] || "").trim();
  const proxy = (name: string) => {
    const named = read(name) === "" ? "all_proxy" : name;
    const text = read(named);
    return text === "" ? {} : { [name]: proxyAddress(named, text) };
  };
  const proxies = { ...proxy("https_proxy"), ...proxy("http_proxy") };
  if (Object.keys(proxies).length === 0) return null;
  const exceptions = read("no_proxy")
    .split(/[\s,]+/)
    .filter(Boolean);
  return { ...proxies, no_proxy: [...exceptions, ...HERE].join(",") };
}

/**
 * Sends the requests of this process through the proxy that the environment names, if it names one.
 *
 * @throws KlatchError `usage` as {@link proxySettings} does, and on a Node that has to be told when it starts
 */
export function useProxy(environment: Environment): void {
  const settings = proxySettings(environment);
  const { NODE_USE_ENV_PROXY: isToldAtStart } = environment;
  if (settings === null || isToldAtStart === "1") return;
  // imported, it would bring what `fetch` is made of
  const { setGlobalProxyFromEnv } = process.getBuiltinModule("node:http") as {
    setGlobalProxyFromEnv?: (env: ProxySettings & Environment) => unknown;
  };
  if (setGlobalProxyFromEnv !== undefined) {
    setGlobalProxyFromEnv({ ...settings });
    return;
  }
  throw new KlatchError(
    "usage",
    `Node ${process.versions.node} takes the proxy of the environment only when it starts`,
    "set NODE_USE_ENV_PROXY=1 (Node 22.21 or newer), or use Node 24.14 or newer",
  );
}

// --- internal ---

/** An address without a scheme is one of HTTP. */
function proxyAddress(variable: string, text: string): string {
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const { protocol } = URL.parse(address) ?? { protocol: null };
  if (protocol !== null && SCHEMES.includes(protocol)) return address;
  const what = protocol === null ? "no address" : `a proxy of the kind ${protocol.slice(0, -1)}`;
  throw new KlatchError(
    "usage",
    `the environment variable ${variable} names ${what}`,
    "name an HTTP proxy, e.g. http://proxy.example:3128, or unset it",
  );
}
