import { Argument, type Command } from "commander";
import { completionScript, SHELLS, type Shell } from "../shell/completion.ts";
import { wordsOf } from "../shell/words.ts";
import type { Terminal } from "../view/terminal.ts";

/** `klatch completion`: a script for a shell, made of the commands as they are. */
export function define(command: Command, terminal: Terminal, whole: () => Promise<Command>): void {
  command
    .addArgument(new Argument("<shell>", "for which the script is").choices(SHELLS))
    .action(async (shell: Shell) => {
      terminal.line(completionScript(shell, wordsOf(await whole())).trimEnd());
    });
}
