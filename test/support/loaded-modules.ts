/**
 * Program: loads the modules named on its command line, and prints the addresses of all that came with them, and the
 * names of what Node loaded of itself for them.
 */
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

const loaded: string[] = [];
registerHooks({
  load(url, context, next) {
    loaded.push(url);
    return next(url, context);
  },
});
const ofNode = () => (process as { moduleLoadList?: readonly string[] }).moduleLoadList ?? [];
const before = ofNode().length;
for (const file of process.argv.slice(2)) {
  await import(file.startsWith("node:") ? file : pathToFileURL(file).href);
}
process.stdout.write(`${JSON.stringify([...loaded, ...ofNode().slice(before)])}\n`);
