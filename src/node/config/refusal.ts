import type { z } from "zod";
import { KlatchError } from "../../errors.ts";
import { configFields, type Field } from "./fields.ts";
import { nearest } from "./nearest.ts";

/** Why a configuration is refused: where it says what, and what was probably meant. `originOf` names the source of a key. */
export function refusal(
  issue: z.core.$ZodIssue,
  originOf: (key: string) => string,
  tree: unknown,
): KlatchError {
  const at = issue.path.join(".");
  const origin = originOf(at);
  if (issue.code === "unrecognized_keys") {
    const key = [...issue.path, issue.keys[0]].join(".");
    return unknown(`${origin}: unknown key ${key}`, key, knownKeys());
  }
  // of a list, the place of the item is named, and the list has the description
  const list = at.replace(/\.[0-9]+$/, "");
  const hint = hintOf(configFields().find(({ key }) => key === at || key === list));
  const close = issue.code === "invalid_value" ? nearestChoice(tree, issue) : null;
  return new KlatchError(
    "usage",
    `${origin}: ${at}: ${issue.message}`,
    [...(close === null ? [] : [`did you mean ${close}?`]), hint ?? "see `klatch init`"].join(" "),
  );
}

/** A name that there is not, and the known one that was probably meant. */
export function unknown(what: string, word: string, known: Iterable<string>): KlatchError {
  const candidates = [...known];
  // A key in the wrong section is found by its last part.
  const tail = (key: string): string => key.slice(key.lastIndexOf(".") + 1);
  const close =
    nearest(word, candidates) ?? candidates.find((candidate) => tail(candidate) === tail(word));
  const hint = close === undefined ? "see the keys with `klatch init`" : `did you mean ${close}?`;
  return new KlatchError("usage", what, hint);
}

// --- internal ---

/** The choice that was probably meant. */
function nearestChoice(
  tree: unknown,
  { path, values }: z.core.$ZodIssueInvalidValue,
): string | null {
  const said = path.reduce<unknown>(
    (at, part) => (at as { [key: string]: unknown })[String(part)],
    tree,
  );
  return typeof said === "string" ? nearest(said, values.map(String)) : null;
}

function hintOf(field: Field | undefined): string | undefined {
  if (field === undefined || field.bounds === "") return field?.description;
  return `${field.description} (${field.bounds})`;
}

function knownKeys(): Set<string> {
  const keys = configFields().map(({ key }) => key);
  const sections = keys.flatMap((key) =>
    key.includes(".") ? [key.slice(0, key.indexOf("."))] : [],
  );
  return new Set([...keys, ...sections]);
}
