import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runCommand } from "../../support/command-line.ts";
import { anchorsIn, commandsIn, documents, linksIn } from "../../support/documents.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const commands = documents().flatMap(commandsIn);
const links = documents().flatMap(linksIn);

const helps = new Map<string, Promise<string | null>>();

/** What `--help` says, asked once; null of a command that there is not. */
function helpOf(...path: readonly string[]): Promise<string | null> {
  const asked =
    helps.get(path.join(" ")) ??
    runCommand([...path, "--help"]).then(({ stdout }) =>
      // of a command that there is not all are told
      stdout.startsWith(`Usage: klatch ${path.join(" ")} `) ? stdout : null,
    );
  helps.set(path.join(" "), asked);
  return asked;
}

/** Of a command as it is typed: of its part, where it has one of that name, such as `testnet run`. */
async function helpOfTyped([name = "", part = ""]: readonly string[]): Promise<string | null> {
  const whole = await helpOf(name);
  const parts = whole?.split("\nCommands:\n")[1] ?? "";
  return new RegExp(`^  ${part}\\b`, "m").test(parts) ? helpOf(name, part) : whole;
}

const hasFlag = (help: string | null, flag: string) =>
  new RegExp(`^ *(-\\w, )?${flag}\\b`, "m").test(help ?? "");

test("every command in a document is one of klatch, with flags that it has", async () => {
  expect(commands.length).toBeGreaterThan(40);
  for (const { file, args } of commands) {
    const shown = `${file}: klatch ${args.join(" ")}`;
    const help = await helpOfTyped(args);
    expect(help, shown).not.toBeNull();
    for (const flag of args.filter((word) => word.startsWith("--"))) {
      expect(hasFlag(help, flag), `${shown}: ${flag}`).toBe(true);
    }
  }
});

test("a command that there is not and a flag that another has are found (control)", async () => {
  expect(await helpOfTyped(["stat"])).toBeNull();
  expect(hasFlag(await helpOfTyped(["testnet", "run"]), "--attack")).toBe(true);
  expect(hasFlag(await helpOfTyped(["testnet"]), "--attack")).toBe(false);
});

test("every link in a document leads to a file, and to a heading of it", () => {
  expect(links.length).toBeGreaterThan(40);
  for (const { file, target, path, anchor } of links) {
    expect(existsSync(join(ROOT, path)), `${file}: ${target}`).toBe(true);
    if (anchor !== null && path.endsWith(".md")) {
      expect(anchorsIn(path), `${file}: ${target}`).toContain(anchor);
    }
  }
});
