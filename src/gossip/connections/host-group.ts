/** How a socket that listens on both families writes an IPv4 address. */
const MAPPED = /^::ffff:(?=[0-9.]+$)/i;

/**
 * What counts as one host: an IPv4 address, and an IPv6 network of 64 bits, since whoever has one address of it has all.
 * Takes the text of an IP address; anything else counts as itself.
 */
export function hostGroup(ip: string): string {
  if (!ip.includes(":") || MAPPED.test(ip)) return ip.replace(MAPPED, "");
  const [head = "", tail] = ip.split("::");
  const groups = head.split(":").filter((group) => group !== "");
  // what "::" leaves out are zeros
  const missing = tail === undefined ? 0 : 8 - groups.length;
  return [...groups, ...Array.from({ length: missing }, () => "0")].slice(0, 4).join(":");
}
