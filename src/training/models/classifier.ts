import { add } from "../graph/elementwise.ts";
import { matmul } from "../graph/matmul.ts";
import { tanh } from "../layers/activations.ts";
import type { Classifier, ModelDefinition } from "./definition.ts";

/** The classifier of a model: its own, or a score of the last token as in Hugging Face's classes of decoders. */
export function classifierOf(definition: ModelDefinition): Classifier {
  const { classifier, hiddenSize, architecture } = definition;
  if (classifier !== undefined) return classifier;
  return {
    module: "score",
    className: scoreClass(architecture),
    pooling: "last",
    bidirectional: false,
    layers: (classes) => [{ module: "score", inputs: hiddenSize, outputs: classes, bias: false }],
    logits: (_blocks, pooled, layer) => layer("score", pooled),
  };
}

/** transformers' class with a score for a class that writes text. */
export function scoreClass(writer: string): string {
  if (writer === "Gemma3ForCausalLM") return "Gemma3TextForSequenceClassification";
  return writer.replace(/(ForCausalLM|LMHeadModel)$/, "ForSequenceClassification");
}

/** One linear layer on the mean of all hidden states, for encoders that were trained to give a text one vector. */
export function meanClassifier(hiddenSize: number): Classifier {
  return {
    module: "classifier",
    className: null,
    pooling: "mean",
    bidirectional: true,
    layers: (classes) => [
      { module: "classifier", inputs: hiddenSize, outputs: classes, bias: true },
    ],
    logits: (_blocks, pooled, layer) => layer("classifier", pooled),
  };
}

/** BERT's: one linear layer on tanh of the frozen layer `pooler` of the first token. */
export function poolerClassifier(hiddenSize: number, pooler: string): Classifier {
  return {
    ...meanClassifier(hiddenSize),
    className: "BertForSequenceClassification",
    pooling: "first",
    logits(blocks, pooled, layer) {
      const product = matmul(pooled, blocks.weight(`${pooler}.weight`), { transposeB: true });
      return layer("classifier", tanh(add(product, blocks.weight(`${pooler}.bias`))));
    },
  };
}

/** One linear layer on the first position, a class token that stands before an image's patches. */
export function imageClassifier(hiddenSize: number, className: string): Classifier {
  return { ...meanClassifier(hiddenSize), className, pooling: "first" };
}

/** RoBERTa's: a layer, tanh and a layer on the first token, both trained. */
export function denseClassifier(hiddenSize: number, className: string): Classifier {
  const [dense, last] = ["classifier.dense", "classifier.out_proj"];
  return {
    module: "classifier",
    className,
    pooling: "first",
    bidirectional: true,
    layers: (classes) => [
      { module: dense, inputs: hiddenSize, outputs: hiddenSize, bias: true },
      { module: last, inputs: hiddenSize, outputs: classes, bias: true },
    ],
    logits: (_blocks, pooled, layer) => layer(last, tanh(layer(dense, pooled))),
  };
}
