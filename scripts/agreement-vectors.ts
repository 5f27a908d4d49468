/**
 * Writes the conformance vectors of mode agreed's messages, with keys that everybody knows:
 * node scripts/agreement-vectors.ts
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { agreementVectors } from "../test/support/agreement-vectors.ts";

const file = join(import.meta.dirname, "../test/fixtures/agreement-vectors.json");
await writeFile(file, `${JSON.stringify(await agreementVectors(), null, 2)}\n`);
