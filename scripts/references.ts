/**
 * Writes docs/API.md, CONFIG.md, METRICS.md, ERRORS.md and the man page klatch.1 from what the code has:
 * node scripts/references.ts
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { REFERENCES } from "./references/references.ts";

for (const [name, text] of Object.entries(await REFERENCES())) {
  writeFileSync(join(import.meta.dirname, "../docs", name), text);
}
