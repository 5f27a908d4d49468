import { type Random, seededRandom } from "../../src/random.ts";
import { BANK } from "./bank.ts";
import { CITY } from "./city.ts";
import { description, instruction } from "./descriptions.ts";
import { pick } from "./grammar.ts";
import { HOSPITAL } from "./hospital.ts";
import { domainText, type Organisation } from "./organisation.ts";
import { story } from "./stories.ts";
import { UNIVERSITY } from "./university.ts";

export const ORGANISATIONS: readonly Organisation[] = [HOSPITAL, BANK, UNIVERSITY, CITY];

/** One text: six in ten about the organisations' daily life, the rest about anything else. */
function pretrainingText(random: Random): string {
  const kind = random();
  if (kind < 0.6) return domainText(pick(ORGANISATIONS, random), random);
  if (kind < 0.8) return story(random);
  return kind < 0.92 ? description(random) : instruction(random);
}

/**
 * The texts that the bundled base model is pre-trained on: stories, descriptions, instructions, and plain scenes from
 * the four organisations. No text is a message with its answer, so the demonstration's task is new to the model.
 */
export function* pretrainingTexts(seed: number): Generator<string, never> {
  const random = seededRandom(seed);
  for (;;) yield pretrainingText(random);
}
