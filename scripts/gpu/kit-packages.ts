import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { closure, type Lock, nameOf } from "../dependencies/lock.ts";

/** What runs on the machine with the card: the script, and the process of each engine. */
const ENTRIES = ["scripts/gpu/measure.ts", "src/training/bench/engine-child.ts"];

/** Packages that engines load by name; TensorFlow's C library is too large to be carried. */
const ENGINE_PACKAGES = [
  "onnxruntime-node",
  "@tensorflow/tfjs-core",
  "@tensorflow/tfjs-backend-cpu",
  "@tensorflow/tfjs-backend-wasm",
];

/** ONNX Runtime's install script needs these, and nothing afterwards. */
const FOR_INSTALLING = new Set(["adm-zip", "global-agent"]);

/** Folders in node_modules of the packages that measuring needs, with what those need. */
export function kitPackages(root: string, lock: Lock): readonly string[] {
  const roots = [...importedPackages(root), ...ENGINE_PACKAGES].map(
    (name) => `node_modules/${name}`,
  );
  const withoutInstalling = withoutDependencies(lock, FOR_INSTALLING);
  const all = roots.flatMap((path) => [path, ...closure(withoutInstalling, path)]);
  return [...new Set(all)].filter((path) => !nameOf(path).startsWith("@types/")).sort();
}

/** Packages that the entries import when they are loaded, directly or through other files. */
export function importedPackages(root: string): readonly string[] {
  const files = new Set(ENTRIES);
  const packages = new Set<string>();
  // A set gives what is added while it is walked.
  for (const file of files) {
    for (const name of importsOf(readFileSync(join(root, file), "utf8"))) {
      if (name.startsWith(".")) files.add(relative(root, join(root, dirname(file), name)));
      else if (!name.startsWith("node:")) packages.add(packageOf(name));
    }
  }
  return [...packages].sort();
}

/**
 * The modules that a source file loads: static imports of values, and dynamic ones of files. Packages that are imported
 * dynamically, for images and for the hub, are not for measuring.
 */
export function importsOf(source: string): readonly string[] {
  const statics = source.matchAll(
    /^(?:import|export)\s+(?!type\b)(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm,
  );
  const dynamics = source.matchAll(/\bimport\("(\.[^"]+)"\)/g);
  return [...statics, ...dynamics].flatMap(([, name]) => name ?? []);
}

const JUNK =
  /\.(map|md|markdown|flow|[cm]?ts|tsbuildinfo)$|(^|\/)(test|tests|__tests__|docs|examples?|benchmarks?)\/|_test\.js$|\.min\.js$/;

/** Whether a file of a package goes along; `path` is within the package. */
export function isCarried(name: string, path: string): boolean {
  if (name === "onnxruntime-node" && path.startsWith("bin/")) {
    return path.startsWith("bin/napi-v6/linux/x64/");
  }
  return !JUNK.test(path);
}

// --- internal ---

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function withoutDependencies(lock: Lock, names: ReadonlySet<string>): Lock {
  return Object.fromEntries(
    Object.entries(lock).map(([path, entry]) => {
      const kept = Object.entries(entry.dependencies ?? {}).filter(([name]) => !names.has(name));
      return [path, { ...entry, dependencies: Object.fromEntries(kept) }];
    }),
  );
}
