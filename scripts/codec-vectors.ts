/**
 * Writes the conformance vectors of the codecs: node scripts/codec-vectors.ts
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codecVectors } from "../test/support/codec-vectors.ts";

const file = join(import.meta.dirname, "../test/fixtures/codec-vectors.json");
await writeFile(file, `${JSON.stringify(codecVectors(), null, 2)}\n`);
