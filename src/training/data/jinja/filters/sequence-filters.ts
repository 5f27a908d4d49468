import { checkItems, checkLength, refuse } from "../refusal.ts";
import { Parameters } from "../values/arguments.ts";
import { calculate } from "../values/arithmetic.ts";
import { attributeGetter, attributeOf } from "../values/attributes.ts";
import { equals, isLess, sorted } from "../values/comparing.ts";
import { print } from "../values/printing.ts";
import { reversed } from "../values/sequences.ts";
import {
  type Args,
  Dict,
  isTrue,
  iterate,
  keyOf,
  kindOf,
  Lazy,
  lengthOf,
  listOf,
  NamedTuple,
  Tuple,
  Undefined,
  type Value,
} from "../values/values.ts";
import type { Filter } from "./text-filters.ts";

/** Filters that choose, order or count items. */
export const SEQUENCE_FILTERS: Readonly<Record<string, Filter>> = {
  attr: (value, args) => {
    const name = new Parameters("attr", args, ["name"]).text("name");
    // The items of a dict are no attributes.
    return value instanceof Dict && value.has(name)
      ? attributeOf(new Dict(), name)
      : attributeOf(value, name);
  },
  batch: (value, args) =>
    new Lazy(batches(value, new Parameters("batch", args, ["linecount", "fill_with"]))),
  count: lengthFilter,
  d: byDefault,
  default: byDefault,
  dictsort,
  first: (value, args) => {
    new Parameters("first", args, []);
    for (const item of iterate(value)) return item;
    return new Undefined();
  },
  groupby,
  items: (value, args) => {
    new Parameters("items", args, []);
    if (value instanceof Undefined) return new Lazy([]);
    if (!(value instanceof Dict)) return refuse(`the filter items on a ${kindOf(value)}`);
    return new Lazy(Array.from(value.entries(), (pair) => new Tuple(pair)));
  },
  join,
  last: (value, args) => {
    new Parameters("last", args, []);
    if (value instanceof Undefined) return value;
    const items = typeof value === "string" ? Array.from(value).reverse() : reversed(value);
    const [last] = items ?? refuse(`the filter last on a ${kindOf(value)}`);
    return last === undefined ? new Undefined() : last;
  },
  length: lengthFilter,
  list: (value, args) => {
    new Parameters("list", args, []);
    return listOf(value);
  },
  max: (value, args) => extreme(value, args, (a, b) => isLess(b, a)),
  min: (value, args) => extreme(value, args, isLess),
  reverse: (value, args) => {
    new Parameters("reverse", args, []);
    if (typeof value === "string") return Array.from(value).reverse().join("");
    const items = value instanceof Undefined ? [] : reversed(value);
    return items ? new Lazy(items) : [...listOf(value)].reverse();
  },
  slice: (value, args) =>
    new Lazy(slices(value, new Parameters("slice", args, ["slices", "fill_with"]))),
  sort,
  sum,
  unique: (value, args) =>
    new Lazy(unique(value, new Parameters("unique", args, ["case_sensitive", "attribute"]))),
};

/** How items are compared: by an attribute, and texts without regard to case. */
function comparable(given: Parameters): (item: Value) => Value {
  const attribute = attributeGetter(given.value("attribute", null));
  if (isTrue(given.value("case_sensitive", false))) return attribute;
  return (item) => withoutCase(attribute(item));
}

function withoutCase(value: Value): Value {
  return typeof value === "string" ? value.toLowerCase() : value;
}

function lengthFilter(value: Value, args: Args): Value {
  new Parameters("length", args, []);
  return BigInt(lengthOf(value));
}

function byDefault(value: Value, args: Args): Value {
  const given = new Parameters("default", args, ["default_value", "boolean"]);
  const isMissing =
    value instanceof Undefined || (isTrue(given.value("boolean", false)) && !isTrue(value));
  return isMissing ? given.value("default_value", "") : value;
}

function dictsort(value: Value, args: Args): Value {
  const given = new Parameters("dictsort", args, ["case_sensitive", "by", "reverse"]);
  if (!(value instanceof Dict)) return refuse(`the filter dictsort on a ${kindOf(value)}`);
  const by = given.text("by", "key");
  if (by !== "key" && by !== "value") refuse("dictsort() by neither key nor value");
  const isExact = isTrue(given.value("case_sensitive", false));
  const pairs = sorted(
    Array.from(value.entries()),
    (pair) => (isExact ? pair[by === "key" ? 0 : 1] : withoutCase(pair[by === "key" ? 0 : 1])),
    isTrue(given.value("reverse", false)),
  );
  return pairs.map((pair) => new Tuple(pair));
}

function sort(value: Value, args: Args): Value {
  const given = new Parameters("sort", args, ["reverse", "case_sensitive", "attribute"]);
  const path = given.value("attribute", null);
  const isExact = isTrue(given.value("case_sensitive", false));
  const getters = (typeof path === "string" ? path.split(",") : [path]).map((each) =>
    attributeGetter(each),
  );
  const keys = (item: Value) =>
    getters.map((getter) => (isExact ? getter(item) : withoutCase(getter(item))));
  return sorted(listOf(value), keys, isTrue(given.value("reverse", false)));
}

function groupby(value: Value, args: Args): Value {
  const given = new Parameters("groupby", args, ["attribute", "default", "case_sensitive"]);
  const shown = attributeGetter(given.value("attribute"), given.value("default", null));
  const isExact = isTrue(given.value("case_sensitive", false));
  const key = (item: Value) => (isExact ? shown(item) : withoutCase(shown(item)));
  const groups: Value[][] = [];
  for (const item of sorted(listOf(value), key)) {
    const group = groups.at(-1);
    if (group?.[0] !== undefined && equals(key(group[0]), key(item))) group.push(item);
    else groups.push([item]);
  }
  return groups.map(
    (group) => new NamedTuple(["grouper", "list"], [shown(group[0] ?? null), group]),
  );
}

function join(value: Value, args: Args): Value {
  const given = new Parameters("join", args, ["d", "attribute"]);
  const separator = print(given.value("d", ""));
  const attribute = attributeGetter(given.value("attribute", null));
  const parts = listOf(value).map((item) => print(attribute(item)));
  checkLength(parts.reduce((sum, part) => sum + part.length + separator.length, 0));
  return parts.join(separator);
}

function extreme(value: Value, args: Args, isBetter: (a: Value, b: Value) => boolean): Value {
  const key = comparable(new Parameters("min", args, ["case_sensitive", "attribute"]));
  const [first, ...rest] = listOf(value);
  if (first === undefined) return new Undefined();
  return rest.reduce((best, item) => (isBetter(key(item), key(best)) ? item : best), first);
}

function sum(value: Value, args: Args): Value {
  const given = new Parameters("sum", args, ["attribute", "start"]);
  const attribute = attributeGetter(given.value("attribute", null));
  const start = given.value("start", 0n);
  if (typeof start === "string") refuse("sum() of texts");
  const items = listOf(value).map(attribute);
  const total = items.reduce((all, item) => calculate("+", all, item), start);
  // Since 3.12 Python makes up for what is lost in rounding; before, it did not.
  if (typeof total === "number" && total !== compensated([start, ...items])) {
    refuse("sum() of floats that is not the same in every version of Python");
  }
  return total;
}

/** Neumaier's sum. */
function compensated(items: readonly Value[]): number {
  let [total, lost] = [0, 0];
  for (const item of items.map(Number)) {
    const next = total + item;
    lost += Math.abs(total) >= Math.abs(item) ? total - next + item : item - next + total;
    total = next;
  }
  return Number.isFinite(total + lost) ? total + lost : total;
}

function* unique(value: Value, given: Parameters): Generator<Value> {
  const key = comparable(given);
  const seen = new Set<unknown>();
  for (const item of iterate(value)) {
    const id = keyOf(key(item));
    if (seen.has(id)) continue;
    seen.add(id);
    yield item;
  }
}

function* batches(value: Value, given: Parameters): Generator<Value> {
  const size = given.int("linecount");
  const fill = given.value("fill_with", null);
  let batch: Value[] = [];
  for (const item of iterate(value)) {
    if (batch.length === size) {
      yield batch;
      batch = [];
    }
    batch.push(item);
  }
  if (batch.length === 0) return;
  const missing = fill === null ? 0 : Math.max(size - batch.length, 0);
  checkItems(missing);
  yield [...batch, ...Array<Value>(missing).fill(fill)];
}

function* slices(value: Value, given: Parameters): Generator<Value> {
  const items = listOf(value);
  const count = given.int("slices");
  const fill = given.value("fill_with", null);
  if (count === 0) refuse("a division by zero");
  checkItems(count);
  const [each, extra] = [Math.floor(items.length / count), items.length % count];
  for (let i = 0, start = 0; i < count; i += 1) {
    const end = start + each + Number(i < extra);
    yield fill !== null && i >= extra
      ? [...items.slice(start, end), fill]
      : items.slice(start, end);
    start = end;
  }
}
