import { lookup, Resolver } from "node:dns/promises";
import { isIPv6 } from "node:net";
import { type Address, addressOf } from "./address.ts";
import { isNowhere, isWithin, type Range } from "./address-range.ts";

/** Numbers of a name that are dialled. */
const MAX_NUMBERS = 4;

/** The numbers that a name stands for now, as texts; fails as Node's `dns` does. */
export type Lookup = (address: Address, signal: AbortSignal) => Promise<readonly string[]>;

export interface Lookups {
  /** Of a name that the operator wrote. */
  readonly operator: Lookup;
  /** Of a name that a peer told. */
  readonly learnt: Lookup;
}

/**
 * The operator's names are looked up as every program here does, hosts file included. Others' names ask the name
 * servers alone, by sockets: a system's lookup holds one of the few threads that files need too until a server
 * answers, which a hostile one never does.
 */
export const systemLookups: Lookups = {
  operator: async ({ kind, host }) => {
    const family = kind === "dns" ? 0 : Number(kind.slice(-1));
    return (await lookup(host, { all: true, family })).map(({ address }) => address);
  },
  learnt: async ({ kind, host }, signal) => {
    const resolver = new Resolver({ tries: 1, timeout: LOOKUP_MS });
    signal.addEventListener("abort", () => resolver.cancel(), { once: true });
    const answers = await Promise.allSettled([
      ...(kind === "dns6" ? [] : [resolver.resolve4(host)]),
      ...(kind === "dns4" ? [] : [resolver.resolve6(host)]),
    ]);
    const found = answers.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
    const failed = answers.find(({ status }) => status === "rejected");
    if (found.length === 0 && failed?.status === "rejected") throw failed.reason;
    return found;
  },
};

/**
 * The address as numbers, which alone are dialled: what a name stands for is judged like a number that was told, each
 * time and right before it is used, so that no name leads where a number may not.
 *
 * @param over how near the connection was over which it was told; null for the operator's, who may name anything.
 * @throws TooNearError when a name stands for nothing that may be dialled, and what a lookup throws.
 */
export async function numbersOf(
  address: Address,
  over: Range | null,
  { lookups, signal }: { readonly lookups: Lookups; readonly signal: AbortSignal },
): Promise<readonly Address[]> {
  if (address.kind === "ip4" || address.kind === "ip6") return [address];
  const find = over === null ? lookups.operator : lookups.learnt;
  const numbers = (await find(address, signal)).map((host) =>
    addressOf(isIPv6(host) ? "ip6" : "ip4", host, address.port),
  );
  const allowed = numbers.filter((number) => over === null || isAllowed(number, over));
  if (allowed.length === 0) throw new TooNearError();
  return allowed.slice(0, MAX_NUMBERS);
}

/** A name that a peer told stands for places that it may not send this node to. */
class TooNearError extends Error {
  override readonly name = "TooNearError";
}

// --- internal ---

const LOOKUP_MS = 2000;

function isAllowed(number: Address, over: Range): boolean {
  return !isNowhere(number) && isWithin(number, over);
}
