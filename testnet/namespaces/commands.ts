import { execFileSync } from "node:child_process";
import { KlatchError } from "../../src/errors.ts";

/** @throws KlatchError `usage` when not root */
export function requireRoot(what = "networks of one's own"): void {
  if (process.getuid?.() === 0) return;
  throw new KlatchError(
    "usage",
    `${what} take root: they are made with namespaces and mounts`,
    "Run it as root on Linux, in a container or a virtual machine if you like.",
  );
}

/** Runs a program; what it says goes to the error that a failure throws. */
export function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"] });
}

/** `ip` of iproute2. */
export function ip(...args: readonly string[]): void {
  run("ip", ...args);
}

/** What is not there need not be taken away. */
export function tryIp(...args: readonly string[]): void {
  try {
    ip(...args);
  } catch {
    // it was never made
  }
}
