import { z } from "zod";
import type { LabelKind } from "../data/examples/labels.ts";
import { checkShape } from "../files/file-access.ts";
import { refuse } from "./config-fields.ts";

const CLASSES_MAX = 10_000;
const NAME_MAX = 1 << 12;

const classesSchema = z.object({
  architectures: z.array(z.string()).nullish(),
  num_labels: z.number().int().min(0).nullish(),
  id2label: z.record(z.string(), z.string().max(NAME_MAX)).nullish(),
  problem_type: z.string().nullish(),
});
const CLASSIFIER = /For(Sequence|Image)Classification$/;

/**
 * How many classes the head of a classifier gives a text or an image.
 *
 * @returns undefined for other models, and where config.json does not say it
 * @throws KlatchError `incompatible` for a head that gives a number
 */
export function storedLabels(json: unknown, file: string): LabelKind | undefined {
  const { architectures, problem_type } = checkShape(json, classesSchema, file);
  if (!CLASSIFIER.test(architectures?.[0] ?? "")) return undefined;
  switch (problem_type ?? undefined) {
    case undefined:
      return undefined;
    case "single_label_classification":
      return "one";
    case "multi_label_classification":
      return "many";
    default:
      throw refuse(file, `problem_type is ${problem_type}, and Klatch tells classes apart`);
  }
}

/**
 * The classes that config.json of a classifier names, in the order of the head's outputs. transformers writes no
 * names for two classes that were given none, and LABEL_0, LABEL_1 for more of them. Those are told by their numbers,
 * as data is.
 *
 * @returns undefined for other models, and where the names do not tell two or more classes apart
 */
export function storedClasses(json: unknown, file: string): readonly string[] | undefined {
  const { architectures, num_labels, id2label } = checkShape(json, classesSchema, file);
  if (!CLASSIFIER.test(architectures?.[0] ?? "")) return undefined;
  const count = id2label ? Object.keys(id2label).length : (num_labels ?? 2);
  if (count < 2 || count > CLASSES_MAX) return undefined;
  const names = Array.from(
    { length: count },
    (_, i) => id2label?.[i] ?? (id2label ? "" : unnamed(i)),
  );
  if (names.includes("") || new Set(names).size < count) return undefined;
  return names.every((name, i) => name === unnamed(i)) ? names.map((_, i) => String(i)) : names;
}

const unnamed = (i: number) => `LABEL_${i}`;
