import { Scope, Work } from "./evaluator.ts";
import { GLOBALS } from "./globals.ts";
import { Interpreter, type Passage, type Span } from "./interpreter.ts";
import { EndlessTemplate } from "./refusal.ts";
import type { Block } from "./syntax/nodes.ts";
import { parseTemplate } from "./syntax/parser.ts";
import type { Value } from "./values/values.ts";

export type { Passage, Span } from "./interpreter.ts";

/** Work for one text, some seconds of it: a thousand turns of templates that look ahead take a tenth of this. */
const WORK_MAX = 20_000_000;

/** A text that a template wrote. Places are those of JavaScript's strings. */
export interface Rendered {
  readonly text: string;
  /** What `{% generation %}` marks as said by the assistant. */
  readonly generations: readonly Span[];
  /** What was written for the items of the loops that write the text, inner ones first. */
  readonly passages: readonly Passage[];
}

/**
 * A Jinja template with the results of Python's Jinja, as Hugging Face transformers sets it up. What it cannot do as
 * Python does it refuses. A template comes with a model from anywhere, so work and sizes are bounded.
 */
export class Template {
  readonly #body: Block;

  /** @throws TemplateSyntaxError for what is no template */
  constructor(source: string) {
    this.#body = parseTemplate(source);
  }

  /** Whether it has `{% generation %}` around what the assistant says. */
  get marksAnswers(): boolean {
    return hasGeneration(this.#body);
  }

  /** Texts that are written out in tags. */
  get literals(): readonly string[] {
    return literalsIn(this.#body);
  }

  /**
   * @throws TemplateRefusal where Python raises an error or gives what cannot be had here; TemplateException with what
   *   the template raises; EndlessTemplate when it makes too much
   */
  render(variables: Readonly<Record<string, Value>>, workMax = WORK_MAX): Rendered {
    const scope = new Scope();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...variables }))
      scope.set(name, value);
    const interpreter = new Interpreter(new Work(workMax));
    try {
      const text = interpreter.run(this.#body, scope);
      return { text, generations: interpreter.generations, passages: interpreter.passages };
    } catch (error) {
      // Macros that call themselves, and values of many levels, fill the stack.
      throw error instanceof RangeError ? new EndlessTemplate() : error;
    }
  }
}

// --- internal ---

function hasGeneration(node: unknown): boolean {
  if (typeof node !== "object" || node === null) return false;
  if ("type" in node && node.type === "generation") return true;
  return Object.values(node).some(hasGeneration);
}

function literalsIn(node: unknown): readonly string[] {
  if (typeof node !== "object" || node === null) return [];
  if ("type" in node && node.type === "const" && "value" in node) {
    return typeof node.value === "string" ? [node.value] : [];
  }
  return Object.values(node).flatMap(literalsIn);
}
