/**
 * Writes tiny classifiers of every class merged with an adapter and a head, and the logits that Klatch computes before
 * merging, for `check-classifiers.py` to compare: node scripts/export-classifiers.ts FOLDER
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isImage } from "../src/training/data/examples/example.ts";
import {
  MERGEABLE,
  mergeClassifier,
  writeModelFolder,
} from "../test/unit/training/learner/classifier-folder.ts";
import {
  batchLogits,
  CLASSES,
  type ClassifierModel,
  classifierModel,
  goldenBase,
} from "../test/unit/training/models/golden-classifiers.ts";

/** Pixels of images by row, column and channel. */
function imagesOf({ examples }: ClassifierModel): readonly (readonly number[])[] {
  return examples.filter(isImage).map(({ image }) => [...image.pixels]);
}

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
  const expected = { texts: golden.texts, images: imagesOf(made), classes: CLASSES, logits };
  await writeFile(join(out, name, "expected.json"), JSON.stringify(expected));
}
