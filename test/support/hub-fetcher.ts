/** A process that fetches one model and prints what happens: `ENDPOINT CACHE MODEL`. */
import { resolveModel } from "../../src/training/base/resolve-model.ts";

const [endpoint = "", cacheFolder = "", name = ""] = process.argv.slice(2);
const { folder } = await resolveModel(name, {
  endpoint,
  cacheFolder,
  offline: false,
  report: (event) => void process.stdout.write(`${JSON.stringify(event)}\n`),
});
process.stdout.write(`${JSON.stringify({ kind: "folder", folder })}\n`);
