import { refuse } from "../refusal.ts";
import { noArguments, Parameters } from "./arguments.ts";
import { equals } from "./comparing.ts";
import { DictView, itemAt } from "./sequences.ts";
import { STRING_METHODS } from "./string-methods.ts";
import {
  type Args,
  asPlain,
  Callable,
  Dict,
  isList,
  kindOf,
  NamedTuple,
  Thing,
  Tuple,
  Undefined,
  type Value,
} from "./values.ts";

/** `object.name`, which in Jinja is the attribute, else the item of that name. */
export function attributeOf(object: Value, name: string): Value {
  if (object instanceof Undefined) return ofUndefined();
  const attribute = ownAttribute(asPlain(object), name);
  if (attribute !== undefined) return attribute;
  const item = object instanceof Dict ? object.get(name) : undefined;
  return item ?? asUndefined(item);
}

/** `object[key]`, which in Jinja is the item, else the attribute of that name. */
export function itemOf(object: Value, key: Value): Value {
  if (object instanceof Undefined) return ofUndefined();
  const item = itemAt(asPlain(object), key);
  if (item !== undefined) return item;
  const attribute = typeof key === "string" ? ownAttribute(object, key) : undefined;
  return attribute ?? asUndefined(attribute);
}

/** Reads `a.b.0`, as filters name what they look at. */
export function attributeGetter(
  path: Value,
  byDefault: Value | null = null,
): (item: Value) => Value {
  const keys = keysOfPath(path);
  return (item) => {
    let value = item;
    for (const key of keys) {
      value = itemOf(value, key);
      if (value instanceof Undefined && byDefault !== null) value = byDefault;
    }
    return value;
  };
}

// --- internal ---

type Method<T> = (object: T, args: Args) => Value;

const DICT_METHODS: Readonly<Record<string, Method<Dict> | null>> = {
  copy: (dict, args) => {
    noArguments("copy", args);
    return new Dict(dict.entries());
  },
  fromkeys: null,
  get: (dict, args) => {
    const given = new Parameters("get", args, ["/", "key", "default"]);
    const value = dict.get(given.value("key"));
    return value === undefined ? given.value("default", null) : value;
  },
  items: (dict, args) => view("items", dict, args),
  keys: (dict, args) => view("keys", dict, args),
  values: (dict, args) => view("values", dict, args),
};

const LIST_METHODS: Readonly<Record<string, Method<readonly Value[]> | null>> = {
  copy: (items, args) => {
    noArguments("copy", args);
    return [...items];
  },
  count: (items, args) => {
    const value = new Parameters("count", args, ["/", "value"]).value("value");
    return BigInt(items.filter((item) => equals(item, value)).length);
  },
  index: (items, args) => {
    const value = new Parameters("index", args, ["/", "value"]).value("value");
    const at = items.findIndex((item) => equals(item, value));
    return at < 0 ? refuse("an item of a list is not found") : BigInt(at);
  },
};

/** What changes a list or a dict: the sandbox gives nothing in their place. */
const LIST_CHANGES = /^(append|clear|extend|insert|pop|remove|reverse|sort)$/;
const DICT_CHANGES = /^(clear|pop|popitem|setdefault|update)$/;
const NUMBER_ATTRIBUTES =
  /^(as_integer_ratio|bit_count|bit_length|conjugate|denominator|from_bytes|fromhex|hex|imag|is_integer|numerator|real|to_bytes)$/;

/** `undefined` where Python has no such attribute; `Undefined` where the sandbox gives it to nobody. */
function ownAttribute(object: Value, name: string): Value | undefined {
  if (/^__\w+__$/.test(name)) return ofPython(object, name);
  if (object instanceof Thing) {
    return name.startsWith("_") ? new Undefined() : object.attribute(name);
  }
  if (typeof object === "string") return method(STRING_METHODS, object, name);
  if (object instanceof Dict) return changing(object, name) ?? method(DICT_METHODS, object, name);
  if (object instanceof Tuple) return ofTuple(object, name);
  if (isList(object)) return changing(object, name) ?? method(LIST_METHODS, object, name);
  if (object !== null && NUMBER_ATTRIBUTES.test(name)) refuse(`${name} of a ${kindOf(object)}`);
  return undefined;
}

function ofTuple(tuple: Tuple, name: string): Value | undefined {
  if (tuple instanceof NamedTuple && tuple.names.includes(name)) {
    return tuple.items[tuple.names.indexOf(name)];
  }
  return name === "copy" ? undefined : method(LIST_METHODS, tuple.items, name);
}

function changing(object: Value, name: string): Undefined | undefined {
  const changes = object instanceof Dict ? DICT_CHANGES : LIST_CHANGES;
  return changes.test(name) ? new Undefined() : undefined;
}

/** Names such as `__class__`, which some objects have and some do not. */
function ofPython(object: Value, name: string): Undefined {
  if (object instanceof Dict && object.has(name))
    refuse("a key of a dict with a name of Python's own");
  return new Undefined();
}

function method<T>(
  methods: Readonly<Record<string, Method<T> | null>>,
  object: T,
  name: string,
): Callable | undefined {
  const found = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (found === undefined) return undefined;
  if (found === null) return refuse(`the method ${name}()`);
  return new Callable((args) => found(object, args));
}

function view(kind: "items" | "keys" | "values", dict: Dict, args: Args): DictView {
  noArguments(kind, args);
  return new DictView(kind, dict);
}

function asUndefined(value: null | undefined): null | Undefined {
  return value === undefined ? new Undefined() : value;
}

function ofUndefined(): never {
  return refuse("a part of a value that is undefined is read");
}

function keysOfPath(path: Value): readonly Value[] {
  if (path === null) return [];
  if (typeof path !== "string") return [path];
  return path.split(".").map((part) => {
    if (/^[0-9]+$/.test(part)) return BigInt(part);
    return /^\p{Nd}+$/u.test(part) ? refuse("digits of another script name an item") : part;
  });
}
