import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { dependenciesDocument } from "./document.ts";
import { readLock } from "./lock.ts";
import { traitsOf } from "./traits.ts";

// Writes docs/DEPENDENCIES.md; refuses while a package has no reason, or a reason no package.
const root = join(import.meta.dirname, "../..");
const { text, problems } = dependenciesDocument(readLock(root), (path) =>
  traitsOf(join(root, path)),
);
if (problems.length > 0) {
  process.stderr.write(`error: ${problems.join("\nerror: ")}\n`);
  process.exitCode = 1;
} else {
  writeFileSync(join(root, "docs", "DEPENDENCIES.md"), text);
}
