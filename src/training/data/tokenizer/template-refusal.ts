import type { Template } from "@huggingface/jinja";
import { oneLine } from "../../files/file-access.ts";
import { TemplateException } from "./bounded-template.ts";

/** Messages of the library that name parts of a template and kinds of values, and quote none of these. */
const OF_TEMPLATE =
  /^(Unknown ([A-Z]\w+ )?(filter|operator)|Cannot (apply filter|call|compare|perform|access property|convert to JSON)|Expected iterable|range\(\))/;

/**
 * Why a template refuses a conversation, in the template's own words; empty where they may quote the conversation. Of a
 * sentence that the template goes on with a value, only its beginning.
 */
export function refusalReason(error: unknown, template: Template): string {
  const said = oneLine(error);
  if (!(error instanceof TemplateException)) return OF_TEMPLATE.test(said) ? said : "";
  const { message } = error;
  const sentences = literals(template.parsed).filter((text) => /\w\W+\w/.test(text));
  if (sentences.includes(message)) return said;
  const begun = sentences.filter((text) => message.startsWith(text));
  const longest = begun.reduce((best, text) => (text.length > best.length ? text : best), "");
  return longest && `${oneLine(longest).trim()} ...`;
}

// --- internal ---

/** The texts that are written out in a template. */
function literals(node: unknown): readonly string[] {
  if (typeof node !== "object" || node === null) return [];
  if ("type" in node && node.type === "StringLiteral" && "value" in node) {
    return [String(node.value)];
  }
  return Object.values(node).flatMap(literals);
}
