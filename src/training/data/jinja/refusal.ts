/** Why a template gives no text for a conversation; names kinds and parts of the template, and quotes no value. */
export class TemplateRefusal extends Error {}

/** A template that cannot be read as Jinja, with the line where that shows. */
export class TemplateSyntaxError extends Error {}

/** What a template raises, in words that it may have put together from those of a conversation. */
export class TemplateException extends Error {}

/** A template that makes too much of one conversation, as one that loops without end does. */
export class EndlessTemplate extends Error {}

/** Ends the rendering where Python would raise an error, or where its result cannot be had. */
export function refuse(what: string): never {
  throw new TemplateRefusal(what);
}

/** The longest list and the longest text that a template may make. */
const ITEMS_MAX = 1_000_000;
const CHARACTERS_MAX = 64 << 20;

/** Asked before a text of this length is made. */
export function checkLength(characters: number): void {
  if (!(characters <= CHARACTERS_MAX)) throw new EndlessTemplate();
}

/** Asked before a list of this length is made. */
export function checkItems(items: number): void {
  if (!(items <= ITEMS_MAX)) throw new EndlessTemplate();
}
