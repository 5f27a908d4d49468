import { ip, requireRoot, run, tryIp } from "../../testnet/namespaces/commands.ts";
import type { Site } from "../../testnet/processes/peer-config.ts";

/** Addresses for trials of networks, which are nobody's (RFC 2544): this stands for the Internet. */
const PUBLIC = "198.18.78";
/** This process looks in at the last address of every network. */
const OWN = 254;

/** How each router's line to the Internet is. */
export interface Line {
  /** Share of the packets that are lost, either way. */
  readonly loss: number;
  /** As `tc` takes it, such as `10mbit`. */
  readonly rate: string;
  /** Whether each connection gets a port of its own by chance, as symmetric NATs have it; else the port is kept where it is free. */
  readonly symmetric: boolean;
}

/**
 * Hosts on an Internet of this machine, and hosts each behind a router of its own that masquerades and lets nothing in
 * that was not asked for. This process reaches all of them from within, and passes nothing on. Needs root, `ip` and `tc` of
 * iproute2, and `iptables`.
 */
export class NatLab {
  /** The public ones first. */
  readonly sites: readonly Site[];
  readonly #name = `kl${process.pid}`;
  readonly #made: string[] = [];
  readonly #bridges: string[] = [];
  readonly #removeAtExit = () => this.remove();

  /** @throws KlatchError when not root; what was made by then is taken away again */
  constructor(hosts: { readonly open: number; readonly hidden: number }, line: Line) {
    requireRoot();
    process.once("exit", this.#removeAtExit);
    try {
      const internet = this.#bridge("i", PUBLIC);
      const open = numbers(hosts.open).map((at) => this.#host(`h${at}`, internet, PUBLIC, at));
      const hidden = numbers(hosts.hidden).map((at) => {
        const inside = `10.61.${at}`;
        const bridge = this.#bridge(`n${at}`, inside);
        const router = this.#router(at, { internet, bridge, inside });
        masquerade(router, line);
        const site = this.#host(`p${at}`, bridge, inside, 2);
        ip("-n", site.enter.at(-1) ?? "", "route", "add", "default", "via", `${inside}.1`);
        return site;
      });
      this.sites = [...open, ...hidden];
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** Takes all of it away; the end of this process does so, too. */
  remove(): void {
    process.off("exit", this.#removeAtExit);
    for (const namespace of this.#made.splice(0)) tryIp("netns", "del", namespace);
    for (const bridge of this.#bridges.splice(0)) tryIp("link", "del", bridge);
  }

  // --- internal ---

  #bridge(kind: string, network: string): string {
    const name = `${this.#name}${kind}`;
    this.#bridges.push(name);
    ip("link", "add", name, "type", "bridge");
    ip("addr", "add", `${network}.${OWN}/24`, "dev", name);
    ip("link", "set", name, "up");
    return name;
  }

  #host(kind: string, bridge: string, network: string, at: number): Site {
    const namespace = this.#namespace(kind);
    attach(namespace, "eth0", bridge, `${network}.${at}`);
    return { host: `${network}.${at}`, enter: ["ip", "netns", "exec", namespace] };
  }

  #router(at: number, net: { internet: string; bridge: string; inside: string }): string {
    const namespace = this.#namespace(`r${at}`);
    attach(namespace, "eth0", net.internet, `${PUBLIC}.${100 + at}`);
    attach(namespace, "eth1", net.bridge, `${net.inside}.1`);
    return namespace;
  }

  #namespace(kind: string): string {
    const name = `${this.#name}${kind}`;
    this.#made.push(name);
    ip("netns", "add", name);
    ip("-n", name, "link", "set", "lo", "up");
    return name;
  }
}

// --- internal ---

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}

/** Names of devices have fifteen letters at most. */
function attach(namespace: string, device: string, bridge: string, address: string): void {
  const outer = `${namespace}${device.at(-1)}`;
  ip("link", "add", outer, "type", "veth", "peer", "name", device, "netns", namespace);
  ip("link", "set", outer, "master", bridge, "up");
  ip("-n", namespace, "addr", "add", `${address}/24`, "dev", device);
  ip("-n", namespace, "link", "set", device, "up");
}

function masquerade(router: string, { loss, rate, symmetric }: Line): void {
  const inside = (program: string, ...args: readonly string[]) =>
    run("ip", "netns", "exec", router, program, ...args);
  const forward = (...args: readonly string[]) => inside("iptables", "-A", "FORWARD", ...args);
  inside("sysctl", "-qw", "net.ipv4.ip_forward=1");
  const ports = symmetric ? ["--random-fully"] : [];
  inside(
    ...(["iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "eth0", "-j", "MASQUERADE"] as const),
    ...ports,
  );
  inside("iptables", "-P", "FORWARD", "DROP");
  if (loss > 0) {
    const random = ["-m", "statistic", "--mode", "random", "--probability", String(loss)];
    forward(...random, "-j", "DROP");
  }
  forward("-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT");
  forward("-i", "eth1", "-o", "eth0", "-j", "ACCEPT");
  const shape = ["root", "tbf", "rate", rate, "burst", "32kbit", "latency", "400ms"];
  inside("tc", "qdisc", "add", "dev", "eth0", ...shape);
}
