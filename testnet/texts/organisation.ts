import type { Random } from "../../src/random.ts";
import { EVERYDAY, URGENCIES, URGENCY_PHRASES, type Urgency } from "./everyday.ts";
import { expand, type Grammar, pick, polish } from "./grammar.ts";

/** Where a message belongs: a desk and the matters that it deals with. */
export interface Desk {
  readonly name: string;
  /** Noun phrases; they may name rules of the organisation's grammar. */
  readonly matters: readonly string[];
}

/** One kind of organisation: who writes to it, about what, and who deals with it. */
export interface Organisation {
  readonly name: string;
  readonly desks: readonly Desk[];
  /** How a message states its `{matter}`; one or two sentences. */
  readonly messages: readonly string[];
  /** What people add that has nothing to do with the answer. */
  readonly asides: readonly string[];
  /** Plain sentences about daily life there, for pre-training; they may use `{matter}` and `{desk}`. */
  readonly scenes: readonly string[];
  readonly grammar: Grammar;
}

/** A row of the demonstration's data: a message and who has to deal with it how soon. */
export interface MessageRow {
  readonly prompt: string;
  readonly completion: string;
  readonly label: string;
  readonly organisation: string;
}

function grammarFor(organisation: Organisation, desk: Desk): Grammar {
  return {
    ...EVERYDAY,
    ...organisation.grammar,
    matter: desk.matters,
    // A scene is more often about the desk that its matters belong to than about any other.
    desk: [
      ...organisation.desks.map(({ name }) => name),
      ...organisation.desks.map(() => desk.name),
    ],
  };
}

const pleaOf = (urgency: Urgency, random: Random) => `${pick(URGENCY_PHRASES[urgency], random)}.`;

/**
 * A message and its answer: the desk follows from the matter, the urgency from how the writer puts it. Matter, urgency,
 * their order and what is said beside them are independent of each other.
 */
export function messageRow(organisation: Organisation, random: Random): MessageRow {
  const desk = pick(organisation.desks, random);
  const urgency: Urgency = pick(URGENCIES, random);
  const plea = pleaOf(urgency, random);
  const parts = [pick(organisation.messages, random)];
  if (random() < 0.35) parts.push(pick(organisation.asides, random));
  if (random() < 0.35) parts.unshift(plea);
  else parts.push(plea);
  const prompt = polish(expand(parts.join(" "), grammarFor(organisation, desk), random));
  return {
    prompt,
    completion: `${desk.name}, ${urgency}`,
    label: desk.name,
    organisation: organisation.name,
  };
}

/**
 * Plain text about daily life in an organisation: what belongs to one desk and what is as urgent stands together, as it
 * does in real text; never a message with an answer.
 */
export function domainText(organisation: Organisation, random: Random): string {
  const grammar = grammarFor(organisation, pick(organisation.desks, random));
  const urgency = pick(URGENCIES, random);
  const sentences: string[] = [];
  const length = 3 + Math.floor(random() * 4);
  while (sentences.length < length) {
    const kind = random();
    if (kind < 0.5) sentences.push(pick(organisation.scenes, random));
    else if (kind < 0.7) sentences.push(pick(organisation.messages, random));
    else if (kind < 0.8) sentences.push(pick(organisation.asides, random));
    else sentences.push(`${pleaOf(urgency, random)} ${pleaOf(urgency, random)}`);
  }
  return polish(expand(sentences.join(" "), grammar, random));
}
