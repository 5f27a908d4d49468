import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import type { Config } from "../config/config.ts";

const EVERYWHERE: Readonly<Record<string, NetworkInterfaceInfo["family"]>> = {
  "0.0.0.0": "IPv4",
  "::": "IPv6",
};

/**
 * Where others reach a node that does not run yet: what it announces, else what it listens on, every interface of this
 * machine where that is any. A port that is still to be chosen leads nowhere.
 */
export function ownAddresses(
  { announce, listen }: Pick<Config["network"], "announce" | "listen">,
  interfaces = networkInterfaces(),
): readonly string[] {
  if (announce.length > 0) return announce;
  const found = listen
    .filter((address) => !address.endsWith("/tcp/0"))
    .flatMap((address) => {
      const [, kind, host = "", , port] = address.split("/");
      const family = EVERYWHERE[host];
      if (family === undefined) return [address];
      return hostsOf(interfaces, family).map((each) => `/${kind}/${each}/tcp/${port}`);
    });
  return [...new Set(found)];
}

// --- internal ---

/** Addresses of a family that other machines may reach; this machine's own where there are none. */
function hostsOf(
  interfaces: ReturnType<typeof networkInterfaces>,
  family: NetworkInterfaceInfo["family"],
): readonly string[] {
  const all = Object.values(interfaces).flatMap((each) => each ?? []);
  // a link-local address means nothing without the name of a link
  const usable = all.filter((each) => each.family === family && !/^fe80:/i.test(each.address));
  const outside = usable.filter(({ internal }) => !internal);
  return (outside.length > 0 ? outside : usable).map(({ address }) => address);
}
