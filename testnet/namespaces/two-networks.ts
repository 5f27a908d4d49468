import type { Site } from "../processes/peer-config.ts";
import { ip, requireRoot, tryIp } from "./commands.ts";

/** Addresses for trials of networks, which are nobody's (RFC 2544). */
const ADDRESSES = "198.18.77";

/**
 * Two networks on this machine, joined by a bridge on which this process is too: it reaches both, also while they do not
 * reach one another. Needs root, and `ip` of iproute2.
 */
export class TwoNetworks {
  /** Where a process runs that is to be in the first, or in the second. */
  readonly sites: readonly [Site, Site];
  readonly #names: readonly [string, string];
  readonly #bridge: string;
  readonly #removeAtExit = () => this.remove();

  /** @throws KlatchError when not root; what was made by then is taken away again */
  constructor() {
    requireRoot();
    const name = `klatch${process.pid}`;
    this.#bridge = name;
    this.#names = [`${name}a`, `${name}b`];
    const [first, second] = this.#names;
    this.sites = [siteIn(first, 1), siteIn(second, 2)];
    process.once("exit", this.#removeAtExit);
    try {
      ip("link", "add", name, "type", "bridge");
      ip("addr", "add", `${ADDRESSES}.254/24`, "dev", name);
      ip("link", "set", name, "up");
      for (const [at, network] of this.#names.entries()) this.#attach(network, at + 1);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** From now on nothing passes between the two: no connection is closed, what is sent gets lost. */
  part(): void {
    this.#isolate("on");
  }

  /** What is sent arrives again. */
  join(): void {
    this.#isolate("off");
  }

  /** Takes both away; the end of this process does so, too. */
  remove(): void {
    process.off("exit", this.#removeAtExit);
    for (const network of this.#names) {
      tryIp("link", "del", network);
      tryIp("netns", "del", network);
    }
    tryIp("link", "del", this.#bridge);
  }

  // --- internal ---

  #attach(network: string, host: number): void {
    ip("netns", "add", network);
    ip("link", "add", network, "type", "veth", "peer", "name", "eth0", "netns", network);
    ip("link", "set", network, "master", this.#bridge, "up");
    ip("-n", network, "addr", "add", `${ADDRESSES}.${host}/24`, "dev", "eth0");
    for (const device of ["lo", "eth0"]) ip("-n", network, "link", "set", device, "up");
  }

  /** Isolated ports of a bridge reach the bridge itself, and not one another. */
  #isolate(state: "on" | "off"): void {
    for (const network of this.#names) {
      ip("link", "set", network, "type", "bridge_slave", "isolated", state);
    }
  }
}

// --- internal ---

function siteIn(network: string, host: number): Site {
  return { host: `${ADDRESSES}.${host}`, enter: ["ip", "netns", "exec", network] };
}
