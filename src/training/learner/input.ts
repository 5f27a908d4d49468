import { createHash } from "node:crypto";
import { KlatchError } from "../../errors.ts";
import type { Digest } from "../../types.ts";
import { type ImageProcessor, loadImageProcessor } from "../data/images/processor.ts";
import { loadTokenizer, type Tokenizer } from "../data/tokenizer/tokenizer.ts";
import type { ModelDefinition } from "../models/definition.ts";

/** What makes a model's input of data: tokens of texts, or pixels of images. */
export type Input =
  | { readonly kind: "tokens"; readonly tokenizer: Tokenizer }
  | { readonly kind: "pixels"; readonly processor: ImageProcessor };

/** Reads what the model folder says about its input; see `loadTokenizer` and `loadImageProcessor` for errors. */
export async function openInput(folder: string, { image }: ModelDefinition): Promise<Input> {
  if (image === undefined) return { kind: "tokens", tokenizer: await loadTokenizer(folder) };
  return { kind: "pixels", processor: await loadImageProcessor(folder, image) };
}

/** Digest of what makes ids or pixels of data: members whose chat templates differ would train on other texts. */
export function digestOf(input: Input): Digest {
  if (input.kind === "pixels") return input.processor.digest;
  const { digest, chat } = input.tokenizer;
  return chat === null
    ? digest
    : createHash("sha256")
        .update(digest + chat.digest)
        .digest("hex");
}

/** @throws KlatchError `incompatible` for a model of images */
export function tokenizerOf(input: Input): Tokenizer {
  if (input.kind === "tokens") return input.tokenizer;
  throw new KlatchError(
    "incompatible",
    "the model reads images, and writes no text",
    "choose run.task classification, or another base model",
  );
}
