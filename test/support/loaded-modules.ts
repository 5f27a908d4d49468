/** Program: loads the modules named on its command line, and prints the addresses of all that came with them. */
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

const loaded: string[] = [];
registerHooks({
  load(url, context, next) {
    loaded.push(url);
    return next(url, context);
  },
});
for (const file of process.argv.slice(2)) await import(pathToFileURL(file).href);
process.stdout.write(`${JSON.stringify(loaded)}\n`);
