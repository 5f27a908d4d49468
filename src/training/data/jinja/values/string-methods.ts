import { checkLength, refuse } from "../refusal.ts";
import { SPACE } from "../syntax/tokens.ts";
import { noArguments, Parameters } from "./arguments.ts";
import { formatBraces } from "./brace-format.ts";
import {
  capitalized,
  isAll,
  isLower,
  isTitle,
  isUpper,
  stripped,
  swapped,
  titleCased,
} from "./casing.ts";
import {
  countOf,
  expanded,
  justified,
  placeOf,
  replaced,
  splitLines,
  splitText,
  windowOf,
} from "./string-search.ts";
import { type Args, isTrue, kindOf, listOf, Tuple, type Value } from "./values.ts";

type Method = (text: string, args: Args) => Value;

const plain = (change: (text: string) => Value): Method => {
  return (text, args) => {
    noArguments("a method of a str", args);
    return change(text);
  };
};

const strip = (ends: "both" | "left" | "right"): Method => {
  return (text, args) => {
    const characters = new Parameters("strip", args, ["/", "chars"]).maybeText("chars");
    return stripped(text, characters, ends);
  };
};

const split = (fromEnd: boolean): Method => {
  return (text, args) => {
    const given = new Parameters("split", args, ["sep", "maxsplit"]);
    return splitText(text, given.maybeText("sep"), given.int("maxsplit", -1), fromEnd);
  };
};

/** The window that `start` and `end` leave. */
const windowIn = (text: string, given: Parameters) =>
  windowOf(text, given.maybeInt("start"), given.maybeInt("end"));

const find = (fromEnd: boolean, isSure: boolean): Method => {
  return (text, args) => {
    const given = new Parameters("find", args, ["/", "sub", "start", "end"]);
    const place = placeOf(windowIn(text, given), given.text("sub"), fromEnd);
    return place < 0 && isSure ? refuse("a part of a str is not found") : BigInt(place);
  };
};

const begins = (atEnd: boolean): Method => {
  return (text, args) => {
    const given = new Parameters("startswith", args, ["/", "prefix", "start", "end"]);
    const part = windowIn(text, given)?.text;
    const wanted = given.value("prefix");
    const texts = wanted instanceof Tuple ? wanted.items : [wanted];
    return texts.some((each) => {
      if (typeof each !== "string") return refuse(`a str is asked to begin with a ${kindOf(each)}`);
      return (atEnd ? part?.endsWith(each) : part?.startsWith(each)) ?? false;
    });
  };
};

const partition = (fromEnd: boolean): Method => {
  return (text, args) => {
    const separator = new Parameters("partition", args, ["/", "sep"]).text("sep");
    if (separator === "") refuse("a str is split at nothing");
    const at = fromEnd ? text.lastIndexOf(separator) : text.indexOf(separator);
    if (at < 0) return new Tuple(fromEnd ? ["", "", text] : [text, "", ""]);
    return new Tuple([text.slice(0, at), separator, text.slice(at + separator.length)]);
  };
};

const justify = (side: "left" | "right" | "center"): Method => {
  return (text, args) => {
    const given = new Parameters("center", args, ["/", "width", "fillchar"]);
    return justified(text, given.int("width"), given.text("fillchar", " "), side);
  };
};

const remove = (atEnd: boolean): Method => {
  return (text, args) => {
    const part = new Parameters("removeprefix", args, ["/", "part"]).text("part");
    if (!(atEnd ? text.endsWith(part) : text.startsWith(part))) return text;
    return atEnd ? text.slice(0, text.length - part.length) : text.slice(part.length);
  };
};

function join(text: string, args: Args): Value {
  const parts = listOf(new Parameters("join", args, ["/", "iterable"]).value("iterable"));
  const texts = parts.map((part) =>
    typeof part === "string" ? part : refuse(`join() is given a ${kindOf(part)} among texts`),
  );
  checkLength(texts.reduce((sum, part) => sum + part.length + text.length, 0));
  return texts.join(text);
}

function replace(text: string, args: Args): Value {
  const given = new Parameters("replace", args, ["/", "old", "new", "count"]);
  return replaced(text, given.text("old"), given.text("new"), given.int("count", -1));
}

function count(text: string, args: Args): Value {
  const given = new Parameters("count", args, ["/", "sub", "start", "end"]);
  return BigInt(countOf(windowIn(text, given), given.text("sub")));
}

function fillZeros(text: string, args: Args): Value {
  const width = new Parameters("zfill", args, ["/", "width"]).int("width");
  const sign = /^[-+]/.exec(text)?.[0] ?? "";
  return sign + justified(text.slice(sign.length), width - sign.length, "0", "right");
}

const isSpaces = new RegExp(`^[${SPACE}]+$`);

/** The methods of a str; null for those of Python that chat templates do not have here. */
export const STRING_METHODS: Readonly<Record<string, Method | null>> = {
  capitalize: plain(capitalized),
  casefold: plain((text) =>
    // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
    /^[\x00-\x7f]*$/.test(text) ? text.toLowerCase() : refuse("casefold() of more than ASCII"),
  ),
  center: justify("center"),
  count,
  encode: null,
  endswith: begins(true),
  expandtabs: (text, args) =>
    expanded(text, new Parameters("expandtabs", args, ["tabsize"]).int("tabsize", 8)),
  find: find(false, false),
  format: formatBraces,
  format_map: null,
  index: find(false, true),
  isalnum: plain((text) => isAll("either", text)),
  isalpha: plain((text) => isAll("letters", text)),
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
  isascii: plain((text) => /^[\x00-\x7f]*$/.test(text)),
  isdecimal: plain((text) => /^\p{Nd}+$/u.test(text)),
  isdigit: plain((text) => isAll("digits", text)),
  isidentifier: plain((text) => /^[\p{ID_Start}_][\p{ID_Continue}]*$/u.test(text)),
  islower: plain(isLower),
  isnumeric: plain((text) =>
    /[\p{No}\p{Nl}\p{Lo}]/u.test(text)
      ? refuse("isnumeric() of more than digits")
      : /^\p{Nd}+$/u.test(text),
  ),
  isprintable: plain((text) => !/[\p{C}\p{Z}]/u.test(text.replaceAll(" ", ""))),
  isspace: plain((text) => isSpaces.test(text)),
  istitle: plain(isTitle),
  isupper: plain(isUpper),
  join,
  ljust: justify("left"),
  lower: plain((text) => text.toLowerCase()),
  lstrip: strip("left"),
  maketrans: null,
  partition: partition(false),
  removeprefix: remove(false),
  removesuffix: remove(true),
  replace,
  rfind: find(true, false),
  rindex: find(true, true),
  rjust: justify("right"),
  rpartition: partition(true),
  rsplit: split(true),
  rstrip: strip("right"),
  split: split(false),
  splitlines: (text, args) => {
    const given = new Parameters("splitlines", args, ["keepends"]);
    return splitLines(text, isTrue(given.value("keepends", false)));
  },
  startswith: begins(false),
  strip: strip("both"),
  swapcase: plain(swapped),
  title: plain(titleCased),
  translate: null,
  upper: plain((text) => text.toUpperCase()),
  zfill: fillZeros,
};
