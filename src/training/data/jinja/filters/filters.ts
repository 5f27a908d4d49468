import { refuse } from "../refusal.ts";
import { attributeGetter } from "../values/attributes.ts";
import { type Args, isTrue, iterate, Lazy, type Value } from "../values/values.ts";
import { NUMBER_FILTERS } from "./number-filters.ts";
import { SEQUENCE_FILTERS } from "./sequence-filters.ts";
import { applyTest, isTest } from "./tests.ts";
import { type Filter, TEXT_FILTERS } from "./text-filters.ts";

const CHOOSING_FILTERS: Readonly<Record<string, Filter>> = {
  map,
  reject: (value, args) => choose(value, args, false, false),
  rejectattr: (value, args) => choose(value, args, true, false),
  select: (value, args) => choose(value, args, false, true),
  selectattr: (value, args) => choose(value, args, true, true),
};

/** Filters of Jinja that are refused: for web pages, by chance, or with rules of their own for breaking lines. */
const REFUSED: readonly string[] = [
  ...["e", "escape", "filesizeformat", "forceescape", "pprint", "random", "striptags", "urlencode"],
  ...["urlize", "wordwrap", "xmlattr"],
];
const FILTERS: Readonly<Record<string, Filter>> = {
  ...{ ...TEXT_FILTERS, ...NUMBER_FILTERS, ...SEQUENCE_FILTERS, ...CHOOSING_FILTERS },
};

/** `value | name(args)`. */
export function applyFilter(name: string, value: Value, args: Args): Value {
  const filter = filterNamed(name);
  if (filter) return filter(value, args);
  return refuse(REFUSED.includes(name) ? `the filter ${name}` : `Unknown filter: ${name}`);
}

/** `value is name(args)`. */
export function test(name: string, value: Value, args: Args): boolean {
  return applyTest(name, value, args, (kind, asked) => {
    if (typeof asked !== "string") return refuse("a name that is no text");
    return kind === "test"
      ? isTest(asked)
      : Object.hasOwn(FILTERS, asked) || REFUSED.includes(asked);
  });
}

// --- internal ---

function filterNamed(name: string): Filter | undefined {
  return Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
}

function map(value: Value, { positional, named }: Args): Value {
  if (!isTrue(value)) return new Lazy([]);
  const [name, ...rest] = positional;
  if (name === undefined && named.has("attribute")) {
    const { attribute, default: byDefault = null, ...others } = Object.fromEntries(named);
    if (Object.keys(others).length > 0)
      return refuse("map() is given an argument that it does not have");
    return new Lazy(each(value, attributeGetter(attribute ?? null, byDefault)));
  }
  // A name that is given as a value may be a word of the conversation, which is not told.
  const filter = typeof name === "string" ? filterNamed(name) : undefined;
  if (!filter) return refuse("map() takes the name of a filter");
  return new Lazy(each(value, (item) => filter(item, { positional: rest, named })));
}

function* each(value: Value, change: (item: Value) => Value): Generator<Value> {
  for (const item of iterate(value)) yield change(item);
}

function choose(value: Value, args: Args, byAttribute: boolean, isKept: boolean): Value {
  return isTrue(value) ? new Lazy(chosen(value, args, byAttribute, isKept)) : new Lazy([]);
}

function* chosen(
  value: Value,
  args: Args,
  byAttribute: boolean,
  isKept: boolean,
): Generator<Value> {
  const { positional, named } = args;
  const [attribute, name, ...rest] = byAttribute ? positional : [null, ...positional];
  if (attribute === undefined) return refuse("selectattr() takes the name of an attribute");
  const read = byAttribute ? attributeGetter(attribute) : (item: Value) => item;
  for (const item of iterate(value)) {
    const isFound =
      name === undefined
        ? isTrue(read(item))
        : matches(name, read(item), { positional: rest, named });
    if (isFound === isKept) yield item;
  }
}

function matches(name: Value, value: Value, args: Args): boolean {
  if (typeof name !== "string" || !isTest(name)) return refuse("a test is named that there is not");
  return test(name, value, args);
}
