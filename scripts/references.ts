/**
 * Writes docs/API.md, docs/CONFIG.md, docs/METRICS.md and docs/ERRORS.md from what the code has: node scripts/references.ts
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { REFERENCES } from "./references/references.ts";

for (const [name, text] of Object.entries(await REFERENCES())) {
  writeFileSync(join(import.meta.dirname, "../docs", name), text);
}
