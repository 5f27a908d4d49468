import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { readPipeline } from "../../../../src/training/data/tokenizer/pipeline/pipeline.ts";

/** Every component of tokenizer.json with what the Rust library makes of texts in many scripts: components.py there. */
const ids = z.array(z.number()).nullable();
const places = z.array(z.number());
const schema = z.object({
  texts: z.array(z.string()),
  /** Models, vocabularies and the other components, each once. */
  parts: z.array(z.unknown()),
  answers: z.array(ids),
  read: z.array(z.string().nullable()),
  tokenizers: z.array(
    z.object({
      name: z.string(),
      parts: z.record(z.string(), z.number()),
      vocab: z.record(z.string(), z.number()),
      splitsSpecial: z.boolean().default(false),
      ids: places,
      whole: ids.default(null),
      read: places.default([]),
    }),
  ),
});
const file = join("test", "fixtures", "tokenizers", "components.json");
const { texts, parts, answers, read, tokenizers } = schema.parse(
  JSON.parse(readFileSync(file, "utf8")),
);

type Recorded = (typeof tokenizers)[number];

/** What stands at places of the table of parts, by its name. */
function named(places: Readonly<Record<string, number>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(places).map(([name, place]) => [name, parts[place]]));
}

function pipelineOf(recorded: Recorded) {
  const { model, ...others } = named(recorded.parts);
  const whole = { ...z.looseObject({}).parse(model), ...named(recorded.vocab) };
  const { splitsSpecial } = recorded;
  return readPipeline({ ...others, model: whole }, { added: [], splitsSpecial });
}

/** Null where the tokenizer has nothing for a part of the text. */
function encode(pipeline: ReturnType<typeof pipelineOf>, text: string): number[] | null {
  try {
    return pipeline.encode(text);
  } catch {
    return null;
  }
}

describe("every component of tokenizer.json gives the ids of the Rust library", () => {
  it("of more than two hundred tokenizers", () => {
    expect(tokenizers.length).toBeGreaterThan(200);
  });

  it.each(tokenizers)("$name", (recorded) => {
    const pipeline = pipelineOf(recorded);
    for (const [i, text] of texts.entries()) {
      const expected = answers[recorded.ids[i] ?? 0] ?? null;
      expect([text, encode(pipeline, text)]).toEqual([text, expected]);
      // Once more, now that its words are remembered.
      expect([text, encode(pipeline, text)]).toEqual([text, expected]);
      const reads = read[recorded.read[i] ?? -1] ?? null;
      if (reads !== null) expect([text, pipeline.decode(expected ?? [])]).toEqual([text, reads]);
    }
    if (recorded.whole !== null) {
      const { before, after } = pipeline.around;
      const inner = answers[recorded.ids[0] ?? 0] ?? [];
      expect([...before, ...inner, ...after]).toEqual(recorded.whole);
    }
  });
});
