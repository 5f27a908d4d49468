import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What package-lock.json (version 3) says of one package. */
export interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly workspaces?: readonly string[];
  readonly dependencies?: Names;
  readonly devDependencies?: Names;
  readonly optionalDependencies?: Names;
  readonly peerDependencies?: Names;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** Packages by the folders they are installed in; `""` is the repository itself. */
export type Lock = Readonly<Record<string, LockedPackage>>;

type Names = Readonly<Record<string, string>>;

export function readLock(root: string): Lock {
  const text = readFileSync(join(root, "package-lock.json"), "utf8");
  return (JSON.parse(text) as { readonly packages: Lock }).packages;
}

/** The package's entry; asserts that the lock has it. */
export function entryOf(lock: Lock, path: string): LockedPackage {
  const entry = lock[path];
  assert(entry !== undefined, `package-lock.json has ${path}`);
  return entry;
}

/**
 * Where the packages are that run with the one at `from`, on any platform, in order; without those only for
 * development.
 */
export function closure(lock: Lock, from: string): readonly string[] {
  return walk(lock, from, () => true);
}

/** The packages of `closure` that every platform installs. */
export function commonPart(lock: Lock, from: string): readonly string[] {
  return walk(lock, from, (path) => !isForOnePlatform(entryOf(lock, path)));
}

/** A package that npm installs where operating system and processor are the right ones, and leaves out elsewhere. */
export function isForOnePlatform({ optional, os, cpu }: LockedPackage): boolean {
  return optional === true && (os !== undefined || cpu !== undefined);
}

/** `name@version` of the packages at these paths, in order; one that is installed in several places is there once. */
export function identities(lock: Lock, paths: readonly string[]): readonly string[] {
  const all = paths.map((path) => `${nameOf(path)}@${entryOf(lock, path).version}`);
  return [...new Set(all)].sort();
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}

// --- internal ---

function walk(lock: Lock, from: string, follow: (path: string) => boolean): readonly string[] {
  const found = new Set<string>();
  const open = [from];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const name of neededBy(entryOf(lock, at))) {
      const path = resolve(lock, at, name);
      if (found.has(path) || !follow(path)) continue;
      found.add(path);
      open.push(path);
    }
  }
  return [...found].sort();
}

/** Peers that are optional come only where somebody else asks for them. */
function neededBy(entry: LockedPackage): readonly string[] {
  const { peerDependenciesMeta: meta = {} } = entry;
  const peers = Object.keys(entry.peerDependencies ?? {});
  return [
    ...Object.keys(entry.dependencies ?? {}),
    ...Object.keys(entry.optionalDependencies ?? {}),
    ...peers.filter((name) => meta[name]?.optional !== true),
  ];
}

/** As Node does it: the nearest node_modules on the way up. */
function resolve(lock: Lock, from: string, name: string): string {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    const path = `${at}${at === "" ? "" : "/"}node_modules/${name}`;
    if (lock[path] !== undefined) return path;
    assert(at !== "", `package-lock.json has ${name}, which ${from} needs`);
  }
}
