import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readLock } from "./dependencies/lock.ts";
import { productLock, type Sbom, sbomProblems } from "./dependencies/sbom.ts";

/**
 * Makes what is published, in release/: the package, and beside it the list of all that comes along (CycloneDX),
 * which is in the package too. Prints their digests; the same sources give the same.
 */
const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
const release = join(root, "release");

main();

function main(): void {
  // What is no longer built must not be packed.
  for (const folder of [dist, release]) rmSync(folder, { recursive: true, force: true });
  npm(["run", "build"], root);
  const list = `${JSON.stringify(checked(makeSbom()), null, 2)}\n`;
  writeFileSync(join(dist, "sbom.json"), list);
  mkdirSync(release);
  const packed = npm(["pack", "--json", "--pack-destination", release], root);
  const [{ filename }] = JSON.parse(packed) as [{ readonly filename: string }];
  const beside = filename.replace(/\.tgz$/, ".cdx.json");
  writeFileSync(join(release, beside), list);
  for (const file of [filename, beside]) {
    process.stdout.write(`${digestOf(join(release, file))}  release/${file}\n`);
  }
}

/** In a folder of its own: npm calls the list's subject after the folder, and here would leave packages out. */
function makeSbom(): Sbom {
  const parent = mkdtempSync(join(tmpdir(), "klatch-release-"));
  try {
    const folder = join(parent, "klatch");
    mkdirSync(folder);
    const packages = productLock(readLock(root));
    const { "": product } = packages;
    const lock = { name: "klatch", lockfileVersion: 3, requires: true, packages };
    writeFileSync(join(folder, "package.json"), JSON.stringify(product));
    writeFileSync(join(folder, "package-lock.json"), JSON.stringify(lock));
    const text = npm(["sbom", "--sbom-format", "cyclonedx", "--package-lock-only"], folder);
    return withoutTime(JSON.parse(text));
  } finally {
    rmSync(parent, { recursive: true });
  }
}

/** Without the moment and the random number, which the format does not ask for. */
function withoutTime(made: Sbom & { readonly serialNumber: string }): Sbom {
  const { serialNumber, ...sbom } = made;
  const { timestamp, ...metadata } = made.metadata as Sbom["metadata"] & { timestamp: string };
  return { ...sbom, metadata };
}

function checked(sbom: Sbom): Sbom {
  const problems = sbomProblems(sbom, readLock(root));
  if (problems.length > 0) throw new Error(`the list of packages is wrong: ${problems.join("; ")}`);
  return sbom;
}

/** What npm prints. Under npm that npm, else the one on the path. */
function npm(args: readonly string[], cwd: string): string {
  const { npm_execpath: script = "" } = process.env;
  const viaNode = script.endsWith(".js");
  return execFileSync(viaNode ? process.execPath : "npm", viaNode ? [script, ...args] : args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    shell: !viaNode && process.platform === "win32",
  });
}

function digestOf(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}
