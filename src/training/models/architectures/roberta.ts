import { checkShape } from "../../files/file-access.ts";
import { denseClassifier } from "../classifier.ts";
import type { Architecture } from "../definition.ts";
import { encoderConfig, encoderModel, encoderSchema } from "./bert.ts";

const PREFIX = "roberta.";

/**
 * RoBERTa (Liu et al. 2019, arXiv 1907.11692) and XLM-RoBERTa: BERT's encoder with other positions and another head.
 */
function roberta(modelType: string, stem: string): Architecture {
  const names = ["Model", "ForMaskedLM", "ForSequenceClassification"].map((end) => stem + end);
  return {
    names,
    modelType,
    define(json, file) {
      const raw = checkShape(json, encoderSchema, file);
      const config = encoderConfig(raw, (raw.pad_token_id ?? 1) + 1, file);
      const architecture = raw.architectures?.[0] ?? `${stem}Model`;
      const classifier = denseClassifier(config.hiddenSize, `${stem}ForSequenceClassification`);
      return { ...encoderModel(config, PREFIX), architecture, classifier };
    },
  };
}

export const ROBERTA = roberta("roberta", "Roberta");
export const XLM_ROBERTA = roberta("xlm-roberta", "XLMRoberta");
