import { refuse } from "../refusal.ts";
import { print, represent } from "./printing.ts";
import type { Args, Value } from "./values.ts";

const FIELD = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;

/** Python's `text.format(...)` with fields by place or name, as `str` or `!r`; other layouts are refused. */
export function formatBraces(text: string, { positional, named }: Args): string {
  let automatic = 0;
  return text.replace(FIELD, (whole, field: string | undefined) => {
    if (whole === "{{" || whole === "}}") return whole.slice(1);
    const [, name = "", conversion] =
      /^(\w*)(?:!([rs]))?$/.exec(field ?? "?") ?? refuse("a format is more than a name");
    if (name === "") automatic += 1;
    else if (/^\d+$/.test(name) && automatic > 0) refuse("a format counts and names its places");
    const value = fieldValue(name === "" ? String(automatic - 1) : name, positional, named);
    return conversion === "r" ? represent(value) : print(value);
  });
}

// --- internal ---

function fieldValue(
  name: string,
  positional: readonly Value[],
  named: ReadonlyMap<string, Value>,
): Value {
  const value = /^\d+$/.test(name) ? positional[Number(name)] : named.get(name);
  return value === undefined ? refuse("a format names what is not there") : value;
}
