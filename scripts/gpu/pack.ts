/**
 * Packs what a bare Linux x64 machine needs to run measure.ts: Node, the packages, and libraries between WebGPU and the
 * card's driver.
 *
 *   node scripts/gpu/pack.ts [--out .gpu-kit]
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { KlatchError } from "../../src/errors.ts";
import { bytes } from "../../src/node/view/table.ts";
import { nameOf, readLock } from "../dependencies/lock.ts";
import { isCarried, kitPackages } from "./kit-packages.ts";

const ROOT = join(import.meta.dirname, "../..");
/** What may travel to the machine: the kit and the working tree. */
const BYTES_MAX = 64 << 20;

/** What Node and ONNX Runtime link to, Vulkan's loader, and what NVIDIA's driver for it links to. */
const LIBRARIES = [
  ...["libstdc++.so.6", "libgcc_s.so.1", "libatomic.so.1", "libvulkan.so.1"],
  ...["libGLdispatch.so.0", "libEGL.so.1", "libGLX.so.0", "libX11.so.6", "libXext.so.6"],
  ...["libxcb.so.1", "libXau.so.6", "libXdmcp.so.6", "libbsd.so.0", "libmd.so.0"],
];

function main(): void {
  const { values } = parseArgs({ options: { out: { type: "string", default: ".gpu-kit" } } });
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new KlatchError("usage", "the kit carries this machine's Node", "pack on Linux x64");
  }
  const stage = mkdtempSync(join(tmpdir(), "klatch-kit-"));
  try {
    say("Node", `${process.version}${copyNode(join(stage, "bin"))}`);
    const packages = kitPackages(ROOT, readLock(ROOT));
    for (const path of packages) copyPackage(path, stage);
    say("packages", String(packages.length));
    const missing = copyLibraries(join(stage, "lib"));
    if (missing.length > 0) say("not here", missing.join(", "));
    say("CUDA", cudaProvider(stage));
    mkdirSync(values.out, { recursive: true });
    checkSize(compress(stage, join(values.out, "kit.tar.xz")));
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

// --- internal ---

function say(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(10)}${value}\n`);
}

/** Copies Node without its symbols, which are a tenth of it. */
function copyNode(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const target = join(folder, "node");
  copyFileSync(process.execPath, target);
  chmodSync(target, 0o755);
  try {
    execFileSync("strip", [target], { stdio: "ignore" });
  } catch {
    return ", with symbols: there is no strip";
  }
  execFileSync(target, ["--version"]);
  return ", stripped";
}

function copyPackage(path: string, stage: string): void {
  const from = realpathSync(join(ROOT, path));
  cpSync(from, join(stage, path), {
    recursive: true,
    filter(file) {
      const within = relative(from, file);
      // Packages inside packages have a line of their own in the lock file.
      if (within === "node_modules") return false;
      return lstatSync(file).isDirectory() || isCarried(nameOf(path), within);
    },
  });
}

/** Gives the names of those that this machine lacks too. */
function copyLibraries(folder: string): readonly string[] {
  mkdirSync(folder, { recursive: true });
  const { PATH } = process.env;
  const env = { PATH: `${PATH}:/usr/sbin:/sbin` };
  const known = execFileSync("ldconfig", ["-p"], { encoding: "utf8", env });
  return LIBRARIES.filter((name) => {
    const line = known.split("\n").find((each) => each.trim().startsWith(`${name} (libc6,x86-64`));
    const file = line?.split(" => ")[1];
    if (file !== undefined) copyFileSync(file, join(folder, name));
    return file === undefined;
  });
}

function cudaProvider(stage: string): string {
  const folder = join(stage, "node_modules/onnxruntime-node/bin/napi-v6/linux/x64");
  return existsSync(join(folder, "libonnxruntime_providers_cuda.so"))
    ? "provider packed"
    : "no provider here: onnx:cuda will not be measured";
}

function compress(stage: string, file: string): number {
  const options = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner"];
  execFileSync("tar", [...options, "-C", stage, "-cJf", file, "."], {
    env: { ...process.env, XZ_OPT: "-6 -T0" },
  });
  return statSync(file).size;
}

function checkSize(kit: number): void {
  const tree = treeBytes();
  const [kitText, treeText, limit] = [kit, tree, BYTES_MAX].map(bytes);
  say("kit", `${kitText} (tar, xz), with the working tree of ${treeText} at most ${limit}`);
  if (kit + tree <= BYTES_MAX) return;
  throw new KlatchError(
    "usage",
    `kit and tree are larger than ${limit}`,
    "leave the CUDA provider or large untracked files out",
  );
}

/** What git would send: tracked files and those that it does not ignore. */
function treeBytes(): number {
  const options = { cwd: ROOT, encoding: "utf8" as const, maxBuffer: 1 << 26 };
  const files = execFileSync("git", ["ls-files", "-coz", "--exclude-standard"], options);
  return files
    .split("\0")
    .filter((file) => file !== "" && existsSync(join(ROOT, file)))
    .reduce((total, file) => total + lstatSync(join(ROOT, file)).size, 0);
}

main();
