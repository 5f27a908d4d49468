import { randomUUID } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { type Plugin, rolldown } from "rolldown";
import type { TestProject } from "vitest/node";

const ROOT = join(import.meta.dirname, "../..");

/** What is started, or loaded, by its place. */
const PROGRAMS = [
  ...["src/node/cli", "src/training/learner/worker", "src/training/bench/engine-child"],
  ...["attacker", "keeper", "leash", "shifted-clock"].map((name) => `testnet/processes/${name}`),
  ...["codec-bench/bench-codecs", "federation/bytes-picture", "federation/bytes-to-loss"].map(
    (path) => `testnet/${path}`,
  ),
  ...["index", "matrix/index", "options", "simulation/run", "theory/theory"].map(
    (path) => `testnet/${path}`,
  ),
  ...["test/support/many-nodes", "test/support/network-process"],
];
/** Packages with compiled libraries find them by their own place. */
const LEFT_OUT = ["onnxruntime-node", "sharp", "@resvg/resvg-js"];
/** What starts threads and processes by its own place. */
const STARTERS =
  /(training\/learner\/client|training\/bench\/engine-process|processes\/entry-file)\.ts$/;

/** Folder of the built programs, each where its source is in the repository; tests and all projects have it from here. */
const { TEST_PROGRAMS: folder = join(tmpdir(), `klatch-programs-${randomUUID()}`) } = process.env;
Object.assign(process.env, { TEST_PROGRAMS: folder });

/** Has modules of the sources, in the process of a test, start what is built. Vitest keeps the code for later runs. */
export const startsBuilt: Plugin = {
  name: "starts-built",
  transform: {
    filter: { id: STARTERS },
    handler: (code, id) =>
      `import { pathToFileURL as asUrl } from "node:url";\n${code.replaceAll(
        "import.meta.url",
        `asUrl(process.env.TEST_PROGRAMS + ${JSON.stringify(`/${builtPath(id)}`)}).href`,
      )}`,
  },
};

/**
 * Builds the programs that tests start, from the sources, once for a run of the tests. Each is then in few files with all
 * that it imports: from its own 1,500 a program takes four times as long to load, and a run starts hundreds.
 */
export async function setup(project: TestProject): Promise<void> {
  // Several projects need them; the first builds.
  if (existsSync(folder)) return;
  await build();
  project.onTestsRerun(build);
}

export function teardown(): void {
  rmSync(folder, { recursive: true, force: true });
}

// --- internal ---

async function build(): Promise<void> {
  teardown();
  mkdirSync(join(folder, "testnet"), { recursive: true });
  copyFileSync(join(ROOT, "package.json"), join(folder, "package.json"));
  for (const path of ["node_modules", "testnet/model"]) {
    symlinkSync(join(ROOT, path), join(folder, path));
  }
  const bundle = await rolldown({
    cwd: ROOT,
    input: Object.fromEntries(PROGRAMS.map((path) => [path, `${path}.ts`])),
    platform: "node",
    external: LEFT_OUT,
    logLevel: "warn",
    plugins: [keepsPlaces],
  });
  await bundle.write({ dir: folder, chunkFileNames: "chunks/[name]-[hash].js" });
  await bundle.close();
}

/** Modules find others by their own place: that of their source, wherever their code has gone. */
const keepsPlaces: Plugin = {
  name: "keeps-places",
  transform: {
    filter: { id: { exclude: /node_modules/ }, code: "import.meta." },
    handler(code, id) {
      const file = join(folder, builtPath(id));
      return code
        .replaceAll("import.meta.url", JSON.stringify(pathToFileURL(file).href))
        .replaceAll("import.meta.dirname", JSON.stringify(dirname(file)));
    },
  },
};

function builtPath(source: string): string {
  return relative(ROOT, source).replace(/\.ts$/, ".js");
}
