import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { wholeProgram } from "../../../../src/node/command-line.ts";
import { completionScript, SHELLS } from "../../../../src/node/shell/completion.ts";
import { EXAMPLES } from "../../../../src/node/shell/examples.ts";
import { manPage } from "../../../../src/node/shell/man-page.ts";
import { wordsOf } from "../../../../src/node/shell/words.ts";
import type { Terminal } from "../../../../src/node/view/terminal.ts";
import { runCommand } from "../../../support/command-line.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const nothing = () => undefined;
const NOWHERE: Terminal = {
  ...{ columns: null, line: nothing, json: nothing },
  ...{ overwrite: nothing, note: nothing, fail: nothing },
};
const program = await wholeProgram(NOWHERE);
const commands = wordsOf(program);
const has = (name: string) => spawnSync(name, ["--version"]).status === 0;

/** A command by its words, and what is left of a line behind it. */
function found(words: readonly string[]): { command: Command; rest: readonly string[] } {
  let command = program;
  let place = 0;
  for (; place < words.length; place += 1) {
    const next = command.commands.find((each) => each.name() === words[place]);
    if (next === undefined) break;
    command = next;
  }
  return { command, rest: words.slice(place) };
}

/** What is wrong with a line as its command reads it; null where nothing is. No action runs. */
function problem(line: string): string | null {
  const typed = line.replace(/ > .*$/, "");
  const words = (typed.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ""));
  const { command, rest } = found(words);
  try {
    const { operands, unknown } = command.parseOptions([...rest]);
    const least = command.registeredArguments.filter(({ required }) => required).length;
    if (unknown.length > 0) return `there is no ${unknown[0]}`;
    if (operands.length < least) return "an argument is missing";
    if (operands.length > command.registeredArguments.length) return `what is ${operands.at(-1)}`;
  } catch (error) {
    return String(error);
  }
  const lacks = command.options.find(
    (option) =>
      (option.mandatory || option.description.includes("(required)")) &&
      !rest.includes(option.long ?? ""),
  );
  // on a terminal `run create` asks for what it lacks
  const isAsked = command.name() === "create" && rest.length === 0;
  return lacks === undefined || isAsked ? null : `${lacks.long} is missing`;
}

describe("examples", () => {
  const paths = commands.map(({ path }) => path).filter((path) => path !== "");

  test.each(paths)("klatch %s has some, which it can read, and shows them", async (path) => {
    const lines = EXAMPLES[path] ?? [];
    const { stdout } = await runCommand([...path.split(" "), "--help"]);

    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      expect([line, problem(line)]).toEqual([line, null]);
      expect(line.startsWith(path)).toBe(true);
      expect(`  klatch ${line}`.length).toBeLessThanOrEqual(80);
      expect(stdout).toContain(`\n  klatch ${line}\n`);
    }
  });

  test("are of commands that there are", () => {
    expect(Object.keys(EXAMPLES).filter((path) => !paths.includes(path))).toEqual([]);
  });

  test.each([
    ["status --jsno", "there is no --jsno"],
    ["run create org --name x --seats 4", "--data is missing"],
    ["run create org --name x --seats 1 --data x", "2 to 1000"],
    ["verify", "an argument is missing"],
  ])("that are wrong would be found: %s", (line, what) => {
    expect(problem(line)).toContain(what);
  });
});

/** The words that bash offers for the last of these. */
function bashOffers(...words: readonly string[]): readonly string[] {
  const script = join(temporaryFolder(), "klatch.bash");
  writeFileSync(script, completionScript("bash", commands));
  const line = words.map((word) => `'${word}'`).join(" ");
  const ask = `source ${script}; COMP_WORDS=(klatch ${line}); COMP_CWORD=${words.length}; _klatch; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", ask], { encoding: "utf8" }).split("\n").filter(Boolean);
}

describe("completion", () => {
  test("offers commands, their parts, flags and choices, in bash as it is", () => {
    expect(bashOffers("sta")).toEqual(["start", "status"]);
    expect(bashOffers("member", "")).toEqual(
      expect.arrayContaining(["propose", "sign", "submit", "list"]),
    );
    expect(bashOffers("run", "create", "org", "--se")).toEqual(["--seats"]);
    expect(bashOffers("start", "--run-mode", "")).toEqual(["gossip", "agreed", "auto"]);
    expect(bashOffers("start", "--exit-when-f")).toEqual(["--exit-when-finished"]);
    // files, which bash itself completes
    expect(bashOffers("train", "--data", "")).toEqual([]);
    // a word that is no command opens nothing
    expect(bashOffers("nothing", "crea")).toEqual([]);
  });

  test.each(SHELLS)("for %s names every command and every flag", async (shell) => {
    const { stdout } = await runCommand(["completion", shell]);

    for (const { path, flags } of commands) {
      expect(stdout).toContain(path);
      for (const { name } of flags) expect(stdout).toContain(name.replace(/^--/, ""));
    }
  });

  test.skipIf(!has("zsh"))("for zsh is one that zsh reads (needs zsh)", async () => {
    const script = join(temporaryFolder(), "_klatch");
    writeFileSync(script, (await runCommand(["completion", "zsh"])).stdout);

    expect(spawnSync("zsh", ["-n", script])).toMatchObject({ status: 0 });
  });

  test.skipIf(!has("fish"))("for fish offers what there is (needs fish)", async () => {
    const script = join(temporaryFolder(), "klatch.fish");
    writeFileSync(script, (await runCommand(["completion", "fish"])).stdout);
    const offers = (line: string) =>
      execFileSync("fish", ["-c", `source ${script}; complete -C'${line}'`], { encoding: "utf8" });

    expect(offers("klatch run ")).toContain("create");
    expect(offers("klatch start --run-mode ")).toMatch(/agreed/);
  });

  test("for another shell is refused", async () => {
    expect(await runCommand(["completion", "tcsh"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("bash, zsh, fish"),
    });
  });
});

describe("the man page", () => {
  test("has every command with its flags, and a package that names it", () => {
    const page = manPage(program, "1.2.3");

    const named = commands.filter(({ path }) => path !== "");
    const missing = named.filter(
      ({ path }) => !page.includes(`\n.SS klatch ${path.replaceAll("-", "\\-")}`),
    );
    expect(missing).toEqual([]);
    expect(page).toContain("\\-\\-exit\\-when\\-finished");
    expect(page).toMatch(/^[ -~\n]*$/);
    const { man, files } = JSON.parse(readFileSync("package.json", "utf8")) as {
      readonly man: string;
      readonly files: readonly string[];
    };
    expect(files.map((file) => `./${file}`)).toContain(man);
  });

  test.skipIf(!has("groff"))("is one that groff reads without a warning (needs groff)", () => {
    const { status, stderr } = spawnSync("groff", ["-man", "-ww", "-Tutf8", "docs/klatch.1"], {
      encoding: "utf8",
    });

    const isOfLines = /cannot adjust line|can't break line/;
    expect(stderr.split("\n").filter((line) => line !== "" && !isOfLines.test(line))).toEqual([]);
    expect(status).toBe(0);
  });
});
