/** Text that is markup already. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Markup | string | number | null | readonly Markup[];

/** A template of HTML: what is put in is escaped, unless it is markup; nothing for null. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  const shown = texts.map(
    (text, index) => text + (index < parts.length ? shownOf(parts[index]) : ""),
  );
  return new Markup(shown.join(""));
}

// --- internal ---

function shownOf(part: Part | undefined): string {
  if (part === null || part === undefined) return "";
  if (part instanceof Markup) return part.text;
  if (Array.isArray(part)) return part.map((one: Markup) => one.text).join("");
  return String(part).replaceAll(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
