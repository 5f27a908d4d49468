import { encodePrompt } from "../src/training/data/examples/encode.ts";
import type { Example } from "../src/training/data/examples/example.ts";
import type { Tokenizer } from "../src/training/data/tokenizer/tokenizer.ts";

/**
 * Endless training rows of exactly `length` ids: whole texts one after the other, each `BOS text EOS`, the last one
 * cut. Rows begin with BOS as the rows of fine-tuning do.
 */
export function* packedExamples(
  texts: Iterator<string, never>,
  tokenizer: Tokenizer,
  length: number,
): Generator<Example, never> {
  for (;;) {
    const ids: number[] = [];
    while (ids.length < length) {
      ids.push(...encodePrompt(tokenizer, texts.next().value, "text"));
      if (tokenizer.eosId !== null) ids.push(tokenizer.eosId);
    }
    yield { ids: Int32Array.from(ids.slice(0, length)), promptLength: 1, truncated: false };
  }
}
