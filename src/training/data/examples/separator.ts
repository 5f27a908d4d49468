import type { PairTexts } from "./encode-end.ts";
import type { ExampleFormat } from "./example.ts";

/** What stands between a prompt and its completion where neither has white space there. */
export const DEFAULT_SEPARATOR = " :";

/** How prompts were laid out in training, for whoever uses the adapter. */
export interface PromptLayout {
  readonly format: ExampleFormat;
  readonly separator: string;
  /** What most prompts were ended with: the separator, or nothing. */
  readonly promptEnd: string;
}

/** How many prompts of a data set got the separator, and how many bring white space of their own. */
export interface Seams {
  readonly separated: number;
  readonly own: number;
}

export const NO_SEAMS: Seams = { separated: 0, own: 0 };

/**
 * Lays out a prompt for its completion: as it is where either has white space at the seam, as files made for `trl`
 * have, else with the separator behind it.
 */
export function joined(prompt: string, completion: string, separator: string): PairTexts {
  const goesOn = separator === "" || bringsSpace(prompt, completion);
  return { prompt: goesOn ? prompt : prompt + separator, completion, goesOn };
}

/** Whether either side has white space where a completion follows its prompt. */
export function bringsSpace(prompt: string, completion: string): boolean {
  return /\s$/.test(prompt) || /^\s/.test(completion);
}

/** What a user of an adapter puts behind a prompt, so that it ends as most of those that were learned. */
export function promptEnd({ separated, own }: Seams, separator: string): string {
  return own > separated ? "" : separator;
}

/** A prompt to be completed, ended as in training. */
export function ended(prompt: string, end: string): string {
  return /\s$/.test(prompt) ? prompt : prompt + end;
}

/** What is said of prompts and their completions; null where there are none. */
export function describeSeams({ separated, own }: Seams, separator: string): string | null {
  if (separated + own === 0) return null;
  const quoted = JSON.stringify(separator);
  if (own === 0) return `prompts end with the separator ${quoted} (run.separator)`;
  const bring = "white space of their own before the completion: nothing is put between";
  if (separated === 0) return `prompts and completions bring ${bring}`;
  return `${own} of ${own + separated} prompts have ${bring}; the others end with ${quoted} (run.separator)`;
}
