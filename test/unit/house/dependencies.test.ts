import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { dependenciesDocument } from "../../../scripts/dependencies/document.ts";
import { licenceProblems } from "../../../scripts/dependencies/licences.ts";
import {
  closure,
  commonPart,
  entryOf,
  type Lock,
  type LockedPackage,
  readLock,
} from "../../../scripts/dependencies/lock.ts";
import { productLock, type Sbom, sbomProblems } from "../../../scripts/dependencies/sbom.ts";
import { type Traits, traitsOf, traitsOfCode } from "../../../scripts/dependencies/traits.ts";

const ROOT = join(import.meta.dirname, "../../..");
const NOTHING: Traits = { native: [], network: [] };
const lock = readLock(ROOT);
const found = new Map(
  [...commonPart(lock, ""), ...commonPart(lock, "scripts/node-runtime")].map((path) => [
    path,
    traitsOf(join(ROOT, path)),
  ]),
);
const traits = (path: string): Traits => found.get(path) ?? NOTHING;
const made = dependenciesDocument(lock, traits);

/** The lock with one more package, which the product needs. */
function lockWith(name: string, entry: LockedPackage): Lock {
  const product = entryOf(lock, "");
  const dependencies = { ...product.dependencies, [name]: "1.0.0" };
  return {
    ...lock,
    "": { ...product, dependencies },
    [`node_modules/${name}`]: { version: "1.0.0", license: "MIT", ...entry },
  };
}

describe("the page of dependencies", () => {
  test("is what the generator makes of the packages of today", () => {
    expect(made.problems).toEqual([]);
    expect(readFileSync(join(ROOT, "docs/DEPENDENCIES.md"), "utf8")).toBe(made.text);
  });

  test.each<[string, LockedPackage, Traits]>([
    ["an install script", { hasInstallScript: true }, NOTHING],
    ["a native library", {}, { native: ["library"], network: [] }],
    ["a way to the network", {}, { native: [], network: ["https"] }],
  ])("lacks a reason for a new package with %s", (_, entry, its) => {
    const more = lockWith("made-up", entry);
    const { problems } = dependenciesDocument(more, (path) =>
      path === "node_modules/made-up" ? its : traits(path),
    );

    expect(problems).toEqual(["made-up has no reason in scripts/dependencies/reasons.ts"]);
  });

  test("lacks a reason for a new package that has its binaries in others, one for each platform", () => {
    const parts = { "made-up-linux-x64": "1.0.0", "made-up-win32-x64": "1.0.0" };
    const part = { version: "1.0.0", optional: true, license: "MIT" };
    const more = {
      ...lockWith("made-up", { optionalDependencies: parts }),
      "node_modules/made-up-linux-x64": { ...part, os: ["linux"], cpu: ["x64"] },
      "node_modules/made-up-win32-x64": { ...part, os: ["win32"], cpu: ["x64"] },
    };
    const { text, problems } = dependenciesDocument(more, traits);

    expect(problems).toEqual(["made-up-* has no reason in scripts/dependencies/reasons.ts"]);
    expect(text).toContain("| `made-up-*` (2 packages) | 1.0.0 |  | library |");
  });

  test("has a reason too many once a package is gone", () => {
    const product = entryOf(lock, "");
    const { "prom-client": gone, ...dependencies } = product.dependencies ?? {};
    const { problems } = dependenciesDocument(
      { ...lock, "": { ...product, dependencies } },
      traits,
    );

    expect(gone).toBeDefined();
    expect(problems).toEqual([
      "scripts/dependencies/reasons.ts explains prom-client, which needs none",
    ]);
  });

  test("changes with every new direct dependency, harmless or not", () => {
    const { text, problems } = dependenciesDocument(lockWith("made-up", {}), traits);

    expect(problems).toEqual([]);
    expect(text).not.toBe(made.text);
  });

  test("is about the packages that npm does not mark as being for development", () => {
    const runtime = closure(lock, "scripts/node-runtime");
    const marked = Object.keys(lock).filter(
      (path) =>
        path.startsWith("node_modules/") &&
        path !== "node_modules/klatch-node-runtime" &&
        lock[path]?.dev !== true,
    );

    expect([...closure(lock, ""), ...runtime].sort()).toEqual(marked.sort());
  });
});

test.each<[string, readonly string[]]>([
  [`import net from "node:net";`, ["net"]],
  [`import{Resolver as r}from"dns/promises"`, ["dns/promises"]],
  [`const https = require('https'), tls = __require("node:tls");`, ["https", "tls"]],
  ["const { request } = await import(`undici`);", ["undici"]],
  [`process.getBuiltinModule("node:dgram")`, ["dgram"]],
  [`const answer = await fetch(url); new WebSocket(url)`, ["WebSocket", "fetch"]],
  [`const get = options.fetch ?? globalThis.fetch;`, ["fetch"]],
  [`  * const answer = await fetch(url);`, ["fetch"]],
  [`/**\n * const answer = await fetch(url);\n */\nexport const a = 1;`, []],
  [`// require("https")\nif (error.message === "Failed to fetch (host)") cache.fetch(key);`, []],
  [`export const protocols = { http: "http", net: "net" };`, []],
])("of the code %j the network is %j", (code, network) => {
  expect(traitsOfCode(code).network).toEqual(network);
});

describe("versions", () => {
  const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;
  const manifests = ["package.json", "scripts/node-runtime/package.json"];
  type Manifest = Readonly<Record<string, Readonly<Record<string, string>>>>;

  /** `name version` of everything that a manifest asks for in any other way than by one version. */
  function ranges(manifest: Manifest): readonly string[] {
    return ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"]
      .flatMap((kind) => Object.entries(manifest[kind] ?? {}))
      .filter(([, version]) => !EXACT.test(version))
      .map(([name, version]) => `${name} ${version}`);
  }

  test.each(manifests)("in %s are exact", (file) => {
    expect(ranges(JSON.parse(readFileSync(join(ROOT, file), "utf8")) as Manifest)).toEqual([]);
  });

  test.each(["^1.0.0", "~1.0.0", "1.x", "*", ">=1.0.0", "1.0.0 || 2.0.0", "latest", "github:a/b"])(
    "such as %j would be named",
    (version) => {
      expect(ranges({ peerDependencies: { a: version } })).toEqual([`a ${version}`]);
    },
  );

  test("are looked at in every workspace", () => {
    expect(entryOf(lock, "").workspaces).toEqual(["scripts/node-runtime"]);
  });
});

describe("licences", () => {
  test("of all that comes with the product are allowed", () => {
    expect(licenceProblems(lock, closure(lock, ""))).toEqual([]);
  });

  test.each([
    ["made-up", "GPL-3.0-only"],
    ["made-up", "AGPL-3.0-or-later"],
    ["made-up", "MIT AND GPL-2.0-only"],
    ["made-up", "MIT AND (GPL-2.0-only OR GPL-3.0-only)"],
    ["made-up", "SEE LICENSE IN LICENSE.md"],
    // Allowed for others by name.
    ["made-up", "MPL-2.0"],
    ["made-up", "LGPL-3.0-or-later"],
  ])("of %s, being %s, would be named", (name, license) => {
    const more = lockWith(name, { license });

    expect(licenceProblems(more, closure(more, ""))).toEqual([
      `${name} has the licence ${license}`,
    ]);
  });

  test("that are not given are named", () => {
    const bare = { "node_modules/made-up": { version: "1.0.0" } };

    expect(licenceProblems(bare, ["node_modules/made-up"])).toEqual([
      "made-up has the licence none",
    ]);
  });

  test("of which the user may choose one need one that is allowed", () => {
    const more = lockWith("made-up", { license: "(GPL-3.0-only OR MIT)" });

    expect(licenceProblems(more, closure(more, ""))).toEqual([]);
  });
});

describe("the list of packages of a release", () => {
  const small: Lock = {
    "": { version: "1.0.0", dependencies: { a: "1.0.0" }, devDependencies: { c: "1.0.0" } },
    "node_modules/a": { version: "1.0.0", dependencies: { b: "^1.0.0" } },
    "node_modules/b": { version: "1.2.0" },
    "node_modules/c": { version: "1.0.0", dev: true, dependencies: { b: "^1.0.0" } },
  };
  const component = (ref: string, ...types: readonly string[]) => ({
    "bom-ref": ref,
    externalReferences: types.map((type) => ({ type })),
  });
  const right: Sbom = {
    metadata: { component: { name: "klatch", version: "1.0.0" } },
    components: [component("a@1.0.0", "vcs"), component("b@1.2.0")],
    dependencies: [{ ref: "klatch@1.0.0", dependsOn: ["a@1.0.0"] }],
  };

  test("is made of what the product needs, and of that alone", () => {
    expect(Object.keys(productLock(small))).toEqual(["", "node_modules/a", "node_modules/b"]);
    expect(productLock(small)[""]).toEqual({ version: "1.0.0", dependencies: { a: "1.0.0" } });
  });

  test("is right when it has all of them", () => {
    expect(sbomProblems(right, small)).toEqual([]);
  });

  test.each<[string, Partial<Sbom>]>([
    ["it is about main@1.0.0", { metadata: { component: { name: "main", version: "1.0.0" } } }],
    ["it lacks b@1.2.0", { components: right.components.slice(0, 1) }],
    ["it has c@1.0.0 too many", { components: [...right.components, component("c@1.0.0")] }],
    ["it does not say that klatch needs a@1.0.0", { dependencies: [] }],
    [
      "it names where b@1.2.0 is",
      { components: [component("a@1.0.0"), component("b@1.2.0", "distribution")] },
    ],
  ])("is refused when %s", (problem, wrong) => {
    expect(sbomProblems({ ...right, ...wrong }, small)).toEqual([problem]);
  });
});
