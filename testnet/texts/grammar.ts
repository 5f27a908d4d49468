import assert from "node:assert/strict";
import type { Random } from "../../src/random.ts";

/** Rules of a context-free grammar: a name and what may stand for it; `{other}` inside stands for another rule. */
export type Grammar = Readonly<Record<string, readonly string[]>>;

/** One of the items, each equally likely. */
export function pick<T>(items: readonly T[], random: Random): T {
  const item = items[Math.floor(random() * items.length)];
  assert(item !== undefined, "nothing to pick from");
  return item;
}

/** Replaces every `{rule}` by one of its expansions until none is left. */
export function expand(text: string, grammar: Grammar, random: Random): string {
  return text.replace(/\{(\w+)\}/g, (_, rule: string) => {
    const choices = grammar[rule];
    assert(choices, `no rule ${rule}`);
    return expand(pick(choices, random), grammar, random);
  });
}

/** "a apple" -> "an apple", "i" -> "I", a capital at the start of each sentence. */
export function polish(text: string): string {
  return text
    .replace(/\b([Aa]) (?=[aeio])/g, "$1n ")
    .replace(/\bi\b/g, "I")
    .replace(
      /(^|[.!?] )([a-z])/g,
      (_, before: string, letter: string) => before + letter.toUpperCase(),
    );
}
