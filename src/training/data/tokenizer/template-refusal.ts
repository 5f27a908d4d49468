import { KlatchError } from "../../../errors.ts";
import { oneLine } from "../../files/file-access.ts";
import { EndlessTemplate, TemplateException, TemplateRefusal } from "../jinja/refusal.ts";
import type { Template } from "../jinja/template.ts";

/**
 * The error of a template that gives no text for a conversation. It says why in the template's own words, and nothing
 * of the conversation.
 */
export function templateError(error: unknown, template: Template): KlatchError {
  if (error instanceof EndlessTemplate) {
    return new KlatchError(
      "incompatible",
      "the chat template makes too much of one conversation, as one that loops without end does",
      "correct chat_template.jinja (or chat_template in tokenizer_config.json), or remove it",
    );
  }
  const reason = refusalReason(error, template);
  return new KlatchError(
    "data",
    `the chat template refuses this conversation${reason && `: ${reason}`}`,
    "give the turns as the model expects them, most often user and assistant in turn",
  );
}

// --- internal ---

/** Of a sentence that the template goes on with a value, only its beginning; empty where all may be the conversation's. */
function refusalReason(error: unknown, template: Template): string {
  const said = oneLine(error);
  if (error instanceof TemplateRefusal) return said;
  if (!(error instanceof TemplateException)) throw error;
  const { message } = error;
  const sentences = template.literals.filter((text) => /\w\W+\w/.test(text));
  if (sentences.includes(message)) return said;
  const begun = sentences.filter((text) => message.startsWith(text));
  const longest = begun.reduce((best, text) => (text.length > best.length ? text : best), "");
  return longest && `${oneLine(longest).trim()} ...`;
}
