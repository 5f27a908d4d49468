import { KlatchError } from "../../../errors.ts";
import type { FloatTensor } from "../../files/safetensors.ts";
import { classifierOf } from "../../models/classifier.ts";
import type { ModelDefinition } from "../../models/definition.ts";
import type { Adapter, ClassificationHead } from "../adapter.ts";

/** In what a merged model's folder differs from the base model's, folded weights aside. */
export interface MergedForm {
  /** The name that a tensor of the base is written under, given the names of all of them; undefined leaves it out. */
  nameOf(stored: string, all: ReadonlySet<string>): string | undefined;
  /** Tensors that the base has not. */
  readonly added: ReadonlyMap<string, FloatTensor>;
  /** Fields of config.json. */
  readonly config: Readonly<Record<string, unknown>>;
}

/**
 * A model of the base's class or, where the adapter has a classification head, of transformers' class for that.
 *
 * @throws KlatchError `incompatible` where transformers has no class that classifies as Klatch does
 */
export function mergedForm(
  definition: ModelDefinition,
  { head, ownHead }: Adapter,
  values: Float32Array,
): MergedForm {
  if (head === undefined) return withoutClasses(ownHead?.(values));
  const { className } = classifierOf(definition);
  if (className === null) throw noClass(definition);
  const { weights, aliases } = definition;
  const vocabularyHead = definition.head === definition.embedding ? null : definition.head;
  return {
    // The base's other heads go; what its file calls by another name would not be found beside the new head.
    nameOf(stored, all) {
      const name = aliases.get(stored) ?? stored;
      const isCopy = name !== stored && all.has(name);
      return weights.has(name) && name !== vocabularyHead && !isCopy ? name : undefined;
    },
    added: head.weights(values),
    config: { architectures: [className], ...classFields(head) },
  };
}

// --- internal ---

/** A head of its own takes the place of a copy of the embedding in the base's files. */
function withoutClasses(own: ReturnType<NonNullable<Adapter["ownHead"]>> | undefined): MergedForm {
  return {
    nameOf: (stored) => (stored === own?.name ? undefined : stored),
    added: new Map(own ? [[own.name, own.tensor]] : []),
    config: own ? { tie_word_embeddings: false } : {},
  };
}

/** `problem_type` always: the base may have been made for another problem. */
function classFields({ classes, kind }: ClassificationHead): Readonly<Record<string, unknown>> {
  return {
    problem_type: `${kind === "many" ? "multi" : "single"}_label_classification`,
    num_labels: classes.length,
    id2label: Object.fromEntries(classes.map((name, id) => [id, name])),
    label2id: Object.fromEntries(classes.map((name, id) => [name, id])),
  };
}

function noClass({ architecture }: ModelDefinition): KlatchError {
  return new KlatchError(
    "incompatible",
    `transformers has no class for a ${architecture} that classifies by the mean of its hidden states`,
    "export it without --merged; docs/MODELS.md, Classification, says how to train on the checkpoint's pooler instead",
  );
}
