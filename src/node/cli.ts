#!/usr/bin/env node
/**
 * The program `klatch`. Nothing but Node itself is loaded before its version is known to do.
 *
 * @packageDocumentation
 */

/** What libp2p, the SQLite module and running TypeScript as it is need. */
const NODE_MIN = [22, 18] as const;
const EXIT_USAGE = 2;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
  process.stderr.write(
    `error: klatch needs Node ${NODE_MIN.join(".")} or newer; this is ${process.version}\n` +
      "hint: install a current Node, or use `npm run klatch` in a checkout\n",
  );
  process.exitCode = EXIT_USAGE;
} else {
  const { keepProcessPrivate } = await import("./process/private-process.ts");
  keepProcessPrivate();
  const { keepCompiledModules } = await import("./process/compiled-modules.ts");
  keepCompiledModules();
  const { enterCallersFolder } = await import("./process/caller-folder.ts");
  enterCallersFolder();
  const { runCli } = await import("./command-line.ts");
  const { processTerminal } = await import("./view/terminal.ts");
  process.exitCode = await runCli(process.argv.slice(2), processTerminal());
}
