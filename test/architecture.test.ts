import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";

const LEAVES = ["gossip", "consensus", "training", "reputation"];
/** What every room may import: words, errors, and the generator that is the same on every machine. */
const SHARED = ["src/types.ts", "src/errors.ts", "src/random.ts", "src/json.ts"];
/** The folders of src/training: each imports those before it. */
const LEARNER = [
  ...["graph", "layout", "files", "onnx", "layers"],
  ...["data/rows", "data/jinja", "data/tokenizer", "data/examples", "data/images", "data/dataset"],
  ...["engine", "models", "base", "adapters", "batches", "programs", "loop", "learner", "bench"],
];
const LINES_MAX = 300;

interface Source {
  readonly path: string;
  readonly text: string;
  /** What it imports, as paths from the repository's root; packages by their names. */
  readonly imports: readonly string[];
}

function read(folder: string): readonly Source[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => /\.tsx?$/.test(path))
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(path, "utf8");
      return { path, text, imports: importsOf(path, text) };
    });
}

function importsOf(path: string, text: string): readonly string[] {
  const specifiers = text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g);
  return [...specifiers].map(([, specifier = ""]) =>
    specifier.startsWith(".") ? normalize(join(dirname(path), specifier)) : specifier,
  );
}

/** `path -> import` for every import of these files that is not allowed. */
function offences(files: readonly Source[], isAllowed: (specifier: string) => boolean): string[] {
  return files.flatMap(({ path, imports }) =>
    imports
      .filter((specifier) => !isAllowed(specifier))
      .map((specifier) => `${path} -> ${specifier}`),
  );
}

/** The first way that leads from a file back to it; null when there is none. */
function circle(files: readonly Source[]): readonly string[] | null {
  const imports = new Map(files.map((file) => [file.path, file.imports]));
  const done = new Set<string>();
  const search = (path: string, way: readonly string[]): readonly string[] | null => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (done.has(path)) return null;
    for (const next of imports.get(path) ?? []) {
      const found = search(next, [...way, path]);
      if (found !== null) return found;
    }
    done.add(path);
    return null;
  };
  for (const { path } of files) {
    const found = search(path, []);
    if (found !== null) return found;
  }
  return null;
}

const isOwnFile = (specifier: string): boolean => specifier.startsWith("src/");
const sources = read("src");
const others = [...read("test"), ...read("testnet"), ...read("examples")];
/** What the package exports of src; the one of testnet is testing.ts. */
const isDoor = (path: string): boolean => /^src\/[a-z]+\.ts$/.test(path) && !SHARED.includes(path);

describe("the layers of the house", () => {
  test("the shared words import nothing", () => {
    const shared = sources.filter(({ path }) => SHARED.includes(path));

    expect(shared).toHaveLength(SHARED.length);
    expect(shared.flatMap(({ imports }) => imports)).toEqual([]);
  });

  test.each(LEAVES)("%s imports only the shared words and itself", (leaf) => {
    const files = sources.filter(({ path }) => path.startsWith(`src/${leaf}/`));
    const mine = (specifier: string) =>
      !isOwnFile(specifier) || SHARED.includes(specifier) || specifier.startsWith(`src/${leaf}/`);

    expect(files.length).toBeGreaterThan(0);
    expect(offences(files, mine)).toEqual([]);
  });

  test.each([...LEAVES, "node"])("%s never imports its own door from inside", (folder) => {
    const files = sources.filter(({ path }) => path.startsWith(`src/${folder}/`));

    expect(offences(files, (specifier) => specifier !== `src/${folder}/index.ts`)).toEqual([]);
  });

  test("the trunk enters a leaf by its door", () => {
    const trunk = [
      ...sources.filter(({ path }) => path.startsWith("src/node/") || isDoor(path)),
      ...others.filter(({ path }) => path.startsWith("testnet/")),
    ];
    const byTheDoor = (specifier: string) =>
      LEAVES.every(
        (leaf) => !specifier.startsWith(`src/${leaf}/`) || specifier === `src/${leaf}/index.ts`,
      );

    expect(offences(trunk, byTheDoor)).toEqual([]);
  });

  test.each(LEARNER)("in the learner, %s imports only the folders before it", (folder) => {
    const before = LEARNER.slice(0, LEARNER.indexOf(folder) + 1);
    const files = sources.filter(({ path }) => path.startsWith(`src/training/${folder}/`));
    const lower = (specifier: string) =>
      !isOwnFile(specifier) ||
      SHARED.includes(specifier) ||
      before.some((each) => specifier.startsWith(`src/training/${each}/`));

    expect(files.length).toBeGreaterThan(0);
    expect(offences(files, lower)).toEqual([]);
  });

  test("the learner has no file outside its folders but its door and its configuration", () => {
    const outside = sources
      .map(({ path }) => path)
      .filter((path) => path.startsWith("src/training/"))
      .filter((path) => !LEARNER.some((folder) => path.startsWith(`src/training/${folder}/`)));

    expect(outside.sort()).toEqual(["src/training/config.ts", "src/training/index.ts"]);
  });

  test("the dashboard, which runs elsewhere, shares words and shapes with the node, and nobody needs it", () => {
    const [dashboard, rest] = [true, false].map((isOf) =>
      sources.filter(({ path }) => path.startsWith("src/dashboard/") === isOf),
    ) as [Source[], Source[]];
    const words = ["table", "quantities", "live/model", "live/follower"].map(
      (name) => `src/node/view/${name}.ts`,
    );
    const told = ["src/types.ts", "src/node/records/records.ts", ...words];
    const packages = ["preact", "preact/hooks", "uplot"];
    const mine = (specifier: string) =>
      [...told, ...packages].includes(specifier) || specifier.startsWith("src/dashboard/");

    expect(dashboard.length).toBeGreaterThan(0);
    expect(offences(dashboard, mine)).toEqual([]);
    expect(offences(rest, (specifier) => !specifier.startsWith("src/dashboard/"))).toEqual([]);
    const shared = sources.filter(({ path }) => path.startsWith("src/node/view/live/"));
    const known = (specifier: string) =>
      /view\/live\/|^src\/types|records\/records/.test(specifier);
    expect(
      offences(
        shared.filter(({ path }) => words.includes(path)),
        known,
      ),
    ).toEqual([]);
    for (const { text } of dashboard) expect(text).not.toMatch(/innerHTML|insertAdjacentHTML/);
  });

  test("no file needs, by way of others, itself", () => {
    expect(circle(sources)).toBeNull();
  });

  test("a circle of imports would be found", () => {
    const files = [
      ["a", "b"],
      ["b", "c"],
      ["c", "b"],
    ].map(([path = "", other = ""]) => ({ path, text: "", imports: [other] }));

    expect(circle(files)).toEqual(["b", "c", "b"]);
  });

  test("an import across leaves would be found", () => {
    const offender = { path: "src/gossip/x.ts", text: "", imports: ["src/training/index.ts"] };

    expect(offences([offender], (specifier) => !specifier.startsWith("src/training/"))).toEqual([
      "src/gossip/x.ts -> src/training/index.ts",
    ]);
  });
});

/** Loads ONNX Runtime; an import of its types does not. */
const LOADS_ONNX =
  /^(import|export) (?!type\b).*from "onnxruntime-node"|\bimport "onnxruntime-node"|import\("onnxruntime-node"\)|\)\("onnxruntime-node"\)|require\("onnxruntime-node"\)/m;

describe("the one module that loads ONNX Runtime", () => {
  test("is the one that switches its telemetry off", () => {
    const itself = join("test", "architecture.test.ts");
    const files = [...sources, ...others, ...read("scripts")].filter(({ path }) => path !== itself);

    expect(files.filter(({ text }) => LOADS_ONNX.test(text)).map(({ path }) => path)).toEqual([
      "src/training/engine/onnx-runtime.ts",
    ]);
  });

  test.each([
    'import { Tensor } from "onnxruntime-node";',
    'export * from "onnxruntime-node";',
    'const ort = await import("onnxruntime-node");',
    'const ort = createRequire(import.meta.url)("onnxruntime-node");',
  ])("would not be alone with %s", (line) => {
    expect(LOADS_ONNX.test(line)).toBe(true);
  });

  test("does not mind an import of types (control)", () => {
    expect(LOADS_ONNX.test('import type { Tensor } from "onnxruntime-node";')).toBe(false);
  });
});

describe("the habits of the house", () => {
  test("consensus and reputation use only exact arithmetic, and no randomness, clock or files", () => {
    const inexact =
      /Math\.(random|exp|log|log2|log10|pow|sin|cos|tan|tanh|cbrt|hypot)\b|\*\*|\bDate\.|node:(fs|crypto)/;
    const files = sources.filter(({ path }) => /^src\/(consensus|reputation)\//.test(path));
    const offenders = files.filter(({ text }) => inexact.test(withoutComments(text)));

    expect(offenders.map(({ path }) => path)).toEqual([]);
  });

  test("consensus and reputation call no function of Math but exact ones", () => {
    const files = sources.filter(({ path }) => /^src\/(consensus|reputation)\//.test(path));

    expect(files.flatMap(({ path, text }) => inexactMath(path, text))).toEqual([]);
  });

  test("an inexact function of Math would be found", () => {
    expect(inexactMath("x", "Math.sqrt(2) + Math.expm1(Math.max(1, 2)) // Math.exp")).toEqual([
      "x: Math.expm1",
    ]);
  });

  test("no file is longer than 300 lines, and the median source stays under a hundred and twenty", () => {
    const lengths = (files: readonly Source[]) =>
      files.map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }));
    const tooLong = lengths([...sources, ...others]).filter(({ lines }) => lines > LINES_MAX);
    const sorted = lengths(sources)
      .map(({ lines }) => lines)
      .sort((a, b) => a - b);

    expect(tooLong).toEqual([]);
    expect(sorted[sorted.length >> 1]).toBeLessThanOrEqual(120);
  });

  test("nothing is left to be done, swallowed or hidden from the type checker", () => {
    const marks = /\b(TODO|FIXME|XXX|HACK)\b|@ts-(ignore|nocheck)|catch\s*\{\s*\}/;
    const offenders = [...sources, ...others.filter(({ path }) => path.startsWith("testnet/"))];

    expect(offenders.filter(({ text }) => marks.test(text)).map(({ path }) => path)).toEqual([]);
  });

  test("every import of an own file names it with its extension", () => {
    const bare = [...sources, ...others].flatMap(({ path, imports }) =>
      imports
        .filter((specifier) => /^(src|test|testnet)\//.test(specifier))
        .filter((specifier) => !/\.(tsx?|json)$/.test(specifier))
        .map((specifier) => `${path} -> ${specifier}`),
    );

    expect(bare).toEqual([]);
  });
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
}

/** Functions of Math that IEEE 754 or ECMAScript fixes to the last bit. */
const EXACT_MATH = new Set(
  "abs ceil clz32 floor fround imul max min round sign sqrt trunc".split(" "),
);

function inexactMath(path: string, text: string): string[] {
  return [...withoutComments(text).matchAll(/\bMath\.(\w+)/g)]
    .filter(([, name = ""]) => !EXACT_MATH.has(name))
    .map(([call]) => `${path}: ${call}`);
}
