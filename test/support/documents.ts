import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A command of klatch as a document has it, as its program gets it. */
export interface ToldCommand {
  readonly file: string;
  readonly args: readonly string[];
}

export interface Link {
  readonly file: string;
  readonly target: string;
  /** Path from the repository's root, and the heading in there; null without one. */
  readonly path: string;
  readonly anchor: string | null;
}

/** Everything in Markdown that users read. */
export function documents(): readonly string[] {
  const here = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
  const docs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" });
  return [
    ...here,
    ...docs.filter((name) => name.endsWith(".md")).map((name) => join("docs", name)),
  ].sort();
}

/** The commands that stand at the beginning of a line, alone or in a transcript. */
export function commandsIn(file: string): readonly ToldCommand[] {
  const text = textOf(file).replaceAll(/\\\n\s*/g, "");
  return [...text.matchAll(COMMAND)].map(([, line = ""]) => ({ file, args: wordsOf(line) }));
}

/** Links to other places of the repository. */
export function linksIn(file: string): readonly Link[] {
  const targets = [...textOf(file).matchAll(LINK)].map(([, target = ""]) => target);
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = "", anchor = null] = target.split("#");
      const from = path === "" ? file : join(dirname(file), path);
      return { file, target, path: relative(ROOT, resolve(ROOT, from)), anchor };
    });
}

/** Headings of a document as links name them. */
export function anchorsIn(file: string): readonly string[] {
  const headings = textOf(file).matchAll(/^#+ +(.+)$/gm);
  return [...headings].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

// --- internal ---

const COMMAND = /^ *(?:\$ )?(?:npm run -s klatch -- |klatch )([a-z].*)$/gm;
const LINK = /\]\(([^)\s]+)\)/g;

function textOf(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

/** Words as a shell makes them, without its comment. */
function wordsOf(line: string): readonly string[] {
  const words: readonly string[] = line.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  const comment = words.indexOf("#");
  const told = comment < 0 ? words : words.slice(0, comment);
  return told.map((word) => word.replaceAll(/^["']|["']$/g, ""));
}
