/**
 * Writes tiny classifiers of every class merged with an adapter and a head, and the logits that Klatch computes before
 * merging, for `check-classifiers.py` to compare: node scripts/export-classifiers.ts FOLDER
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  MERGEABLE,
  mergeClassifier,
  writeModelFolder,
} from "../test/unit/training/classifier-folder.ts";
import {
  batchLogits,
  CLASSES,
  classifierModel,
  goldenBase,
} from "../test/unit/training/golden-classifiers.ts";

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error("usage: export-classifiers.ts FOLDER");
for (const [name, golden] of MERGEABLE) {
  const [base, merged] = [join(out, name, "base"), join(out, name, "merged")];
  await mkdir(base, { recursive: true });
  const made = classifierModel(golden, goldenBase(golden.config));
  await writeModelFolder(base, made.model.base, golden.config);
  await mergeClassifier(base, made, merged);
  const logits = Array.from(await batchLogits(made));
  await made.model.close();
  const expected = { texts: golden.texts, classes: CLASSES, logits };
  await writeFile(join(out, name, "expected.json"), JSON.stringify(expected));
}
