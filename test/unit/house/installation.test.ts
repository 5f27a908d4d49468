import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../support/temporary-folder.ts";

interface LockedPackage {
  readonly version?: string;
  readonly optional?: boolean;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const ROOT = join(import.meta.dirname, "../../..");
const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};

test("the lock file names every platform's packages: npm ci refuses it on all when one is missing", () => {
  const wanted = Object.values(packages).flatMap((entry) =>
    Object.keys(entry.optionalDependencies ?? {}),
  );
  const missing = wanted.filter((name) => packages[`node_modules/${name}`] === undefined);

  expect(wanted.length).toBeGreaterThan(10);
  expect(missing).toEqual([]);
});

test("the lock file names no registry", () => {
  const addresses = Object.values(packages).flatMap(({ resolved }) =>
    resolved?.startsWith("http") === true ? [resolved] : [],
  );

  expect(addresses).toEqual([]);
});

test("the tests run under a Node that the package supports", () => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

  expect(major > 22 || (major === 22 && minor >= 18)).toBe(true);
});

test("installing when nothing is missing says and does nothing", () => {
  const script = join(ROOT, "scripts", "install.cjs");

  expect(execFileSync(process.execPath, [script], { encoding: "utf8" })).toBe("");
});

test.each([
  [{ numPassedTests: 3, numFailedTests: 0 }, "3 passed, 0 failed, 1 skipped\n", 0],
  [{ numPassedTests: 3, numFailedTests: 2 }, "3 passed, 2 failed, 1 skipped\n", 1],
  [
    {
      numPassedTests: 3,
      numFailedTests: 0,
      testResults: [{ status: "failed", assertionResults: [] }],
    },
    "3 passed, 1 failed, 1 skipped\n",
    1,
  ],
  [{ numPassedTests: 0, numFailedTests: 0 }, "0 passed, 0 failed, 1 skipped\n", 1],
  [null, "0 passed, 1 failed, 0 skipped\n", 1],
])("the report %j is counted as %j", (report, line, status) => {
  const file = join(temporaryFolder(), "report.json");
  const rest = { numPendingTests: 1, numTodoTests: 0, testResults: [] };
  writeFileSync(file, report === null ? "" : JSON.stringify({ ...rest, ...report }));

  const result = spawnSync(process.execPath, [join(ROOT, "scripts", "count-tests.cjs"), file], {
    encoding: "utf8",
  });

  expect([result.stdout, result.status]).toEqual([line, status]);
});

test("no setting of the checkout is unknown to npm, which would warn at every start", () => {
  const settings = readFileSync(join(ROOT, ".npmrc"), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split("=")[0]);
  const known = ["omit-lockfile-registry-resolved", "fund", "audit"];

  expect(settings.filter((name) => !known.includes(name ?? ""))).toEqual([]);
});

test("install scripts are denied to the packages that have some", () => {
  const { allowScripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly allowScripts: Readonly<Record<string, boolean>>;
  };
  const withScripts = Object.entries(packages).flatMap(([path, entry]) =>
    entry.hasInstallScript === true ? [path.replace(/^.*node_modules\//, "")] : [],
  );

  expect(allowScripts).toEqual(Object.fromEntries(withScripts.map((name) => [name, false])));
});
