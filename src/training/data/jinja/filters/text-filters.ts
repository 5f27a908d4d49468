import { checkLength, refuse } from "../refusal.ts";
import { SPACE } from "../syntax/tokens.ts";
import { Parameters } from "../values/arguments.ts";
import { capitalized, stripped } from "../values/casing.ts";
import { toJson } from "../values/json.ts";
import { formatPercent } from "../values/percent-format.ts";
import { print } from "../values/printing.ts";
import { justified, replaced, splitLines, splitText } from "../values/string-search.ts";
import {
  type Args,
  asPlain,
  Dict,
  isTrue,
  itemsOf,
  kindOf,
  Markup,
  Tuple,
  type Value,
} from "../values/values.ts";

/** Gets what stands before `|` and the arguments behind it. */
export type Filter = (value: Value, args: Args) => Value;

const WORD_BEGINS = new RegExp(`([-${SPACE}({\\[<]+)`);

/** Filters that make a text. */
export const TEXT_FILTERS: Readonly<Record<string, Filter>> = {
  capitalize: ofText("capitalize", capitalized),
  center: (value, args) => {
    const width = new Parameters("center", args, ["width"]).int("width", 80);
    return justified(textOf(value), width, " ", "center");
  },
  format,
  indent,
  lower: ofText("lower", (text) => text.toLowerCase()),
  replace: (value, args) => {
    const given = new Parameters("replace", args, ["old", "new", "count"]);
    const [old, by] = [print(given.value("old")), print(given.value("new"))];
    return replaced(print(value), old, by, given.maybeInt("count") ?? -1);
  },
  safe: (value, args) => {
    new Parameters("safe", args, []);
    return new Markup(print(value));
  },
  string: (value, args) => {
    new Parameters("string", args, []);
    return value instanceof Markup ? value : print(value);
  },
  title: ofText("title", titleWords),
  tojson,
  trim: (value, args) => {
    const characters = new Parameters("trim", args, ["chars"]).maybeText("chars");
    return stripped(textOf(value), characters, "both");
  },
  truncate,
  upper: ofText("upper", (text) => text.toUpperCase()),
  wordcount: ofText("wordcount", (text) => {
    if (/[^\p{L}\p{N}_\p{P}\p{S}\p{Z}\p{C}]/u.test(text)) refuse("wordcount of combined letters");
    return BigInt(text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0);
  }),
};

// --- internal ---

function ofText(name: string, change: (text: string) => Value): Filter {
  return (value, args) => {
    new Parameters(name, args, []);
    return change(textOf(value));
  };
}

/** Markup would stay what it is. */
function textOf(value: Value): string {
  return print(asPlain(value));
}

function textOnly(name: string, value: Value): string {
  return typeof value === "string" ? value : refuse(`the filter ${name} on a ${kindOf(value)}`);
}

/** The filter, unlike the method, takes a word from one space or bracket to the next. */
function titleWords(text: string): string {
  return text
    .split(WORD_BEGINS)
    .map((word) => {
      const [first = "", ...rest] = word;
      return first.toUpperCase() + rest.join("").toLowerCase();
    })
    .join("");
}

function format(value: Value, { positional, named }: Args): Value {
  if (positional.length > 0 && named.size > 0) refuse("a format by place and by name");
  return formatPercent(textOf(value), named.size > 0 ? new Dict(named) : new Tuple(positional));
}

function indent(value: Value, args: Args): Value {
  const given = new Parameters("indent", args, ["width", "first", "blank"]);
  const width = given.value("width", 4n);
  const by = typeof width === "string" ? width : " ".repeat(spaces(given.int("width", 4)));
  const lines = splitLines(`${textOnly("indent", value)}\n`);
  checkLength(lines.length * by.length);
  const isBlankToo = isTrue(given.value("blank", false));
  const rest = lines.slice(1).map((line) => (isBlankToo || line !== "" ? by + line : line));
  const text = [lines[0] ?? "", ...rest].join("\n");
  return isTrue(given.value("first", false)) ? by + text : text;
}

function spaces(width: number): number {
  checkLength(width);
  return Math.max(width, 0);
}

function truncate(value: Value, args: Args): Value {
  const given = new Parameters("truncate", args, ["length", "killwords", "end", "leeway"]);
  const text = textOnly("truncate", value);
  const length = given.int("length", 255);
  const end = given.text("end", "...");
  const leeway = given.maybeInt("leeway") ?? 5;
  const characters = Array.from(text);
  const endLength = Array.from(end).length;
  if (length < endLength || leeway < 0) refuse("truncate() to less than nothing");
  if (characters.length <= length + leeway) return text;
  const kept = characters.slice(0, length - endLength).join("");
  if (isTrue(given.value("killwords", false))) return kept + end;
  return (splitText(kept, " ", 1, true)[0] ?? "") + end;
}

function tojson(value: Value, args: Args): Value {
  const names = ["ensure_ascii", "indent", "separators", "sort_keys"];
  const given = new Parameters("tojson", args, names);
  const width = given.value("indent", null);
  const isText = typeof width === "string" || width === null;
  const indent = isText ? width : " ".repeat(spaces(given.int("indent", 0)));
  const separators = itemsOf(given.value("separators", null));
  const [item, key] = separators?.map((each) => textOnly("tojson", each)) ?? [];
  if (given.value("separators", null) !== null && separators?.length !== 2) {
    refuse("tojson() takes two separators");
  }
  return toJson(value, {
    ensureAscii: isTrue(given.value("ensure_ascii", false)),
    indent,
    separators: [item ?? (indent === null ? ", " : ","), key ?? ": "],
    sortKeys: isTrue(given.value("sort_keys", false)),
  });
}
