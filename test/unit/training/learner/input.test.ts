import { expect, test } from "vitest";
import { digestOf } from "../../../../src/training/learner/input.ts";
import { tinyTokenizer } from "../data/data-files.ts";

const TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}";

/** What a run knows the input of a model by. */
async function digestWith(template: string | null): Promise<string> {
  const files = template === null ? {} : { "chat_template.jinja": template };
  return digestOf({ kind: "tokens", tokenizer: await tinyTokenizer({}, files) });
}

test("models with another chat template, or none, are told apart: their members would train on other texts", async () => {
  const digests = await Promise.all([TEMPLATE, `${TEMPLATE}!`, null].map(digestWith));
  expect(new Set(digests).size).toBe(3);
  expect(await digestWith(TEMPLATE)).toBe(digests[0]);
});
