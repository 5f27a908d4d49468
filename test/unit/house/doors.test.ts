import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../../..");
const EXAMPLES = readdirSync(join(ROOT, "examples")).filter((name) => name.endsWith(".ts"));

/** What a program imports, and the rooms behind it that it may open; null where it opens several. */
const DOORS = [
  ["klatch", "src/index", null],
  ["klatch/protocol", "src/protocol", /^\.\/((consensus|reputation)\/index|types)\.ts$/],
  ["klatch/learner", "src/learner", /^\.\/(training\/index|types)\.ts$/],
  ["klatch/network", "src/network", /^\.\/(gossip\/index|types)\.ts$/],
  ["klatch/testing", "testnet/testing", null],
] as const;

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

function importsOf(text: string): readonly string[] {
  return [...text.matchAll(/ from "([^"]+)"/g)].map(([, specifier = ""]) => specifier);
}

/** The lines of code in a module's docstring. */
function documentedLines(text: string): readonly string[] {
  const [, code = ""] = /^ \* ```ts\n([\s\S]*?)^ \* ```$/m.exec(text) ?? [];
  return code.split("\n").flatMap((line) => line.replace(/^ \* */, "").trim() || []);
}

/** Lines of a door's docstring that no example has. */
function invented(door: string, examples: readonly string[]): readonly string[] {
  const lines = new Set(examples.flatMap((text) => text.split("\n").map((line) => line.trim())));
  return documentedLines(door).filter((line) => !lines.has(line));
}

describe("the package's doors", () => {
  test("are what its manifest exports, with types, as source in a checkout and as built", () => {
    const { exports } = JSON.parse(read("package.json")) as { readonly exports: object };

    expect(exports).toEqual(
      Object.fromEntries(
        DOORS.map(([name, path]) => [
          name.replace("klatch", "."),
          {
            types: `./dist/${path}.d.ts`,
            "klatch-source": `./${path}.ts`,
            default: `./dist/${path}.js`,
          },
        ]),
      ),
    );
    for (const [, path] of DOORS) expect(existsSync(join(ROOT, `${path}.ts`))).toBe(true);
  });

  test.each(DOORS.filter(([, , rooms]) => rooms !== null))(
    "%s opens its rooms alone",
    (...door) => {
      const [, path, rooms] = door;
      const imports = importsOf(read(`${path}.ts`));

      expect(imports.length).toBeGreaterThan(0);
      expect(imports.filter((specifier) => rooms?.test(specifier) !== true)).toEqual([]);
    },
  );

  test.each(DOORS)("%s shows lines of an example that imports it", (name, path) => {
    const text = read(`${path}.ts`);
    const [example = ""] = /examples\/[a-z-]+\.ts/.exec(text) ?? [];

    expect(importsOf(read(example))).toContain(name);
    expect(documentedLines(text).length).toBeGreaterThan(0);
    expect(invented(text, [read(example)])).toEqual([]);
  });

  test("would not show a line that no example has (control)", () => {
    const door = "/**\n * ```ts\n * const node = makeNode();\n * ```\n */";

    expect(invented(door, ["const node = createNode();"])).toEqual(["const node = makeNode();"]);
  });
});

describe("the examples", () => {
  test.each(EXAMPLES)(
    "%s is short, says how it is run, and enters by the package's doors",
    (name) => {
      const text = read(join("examples", name));
      const known = new Set<string>(DOORS.map(([door]) => door));
      const strange = importsOf(text).filter(
        (specifier) => !(specifier.startsWith("node:") || known.has(specifier)),
      );

      expect(strange).toEqual([]);
      expect(text.split("\n").length).toBeLessThanOrEqual(60);
      expect(text).toContain(`node -C klatch-source examples/${name}`);
    },
  );
});
