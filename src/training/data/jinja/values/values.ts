import { checkItems, refuse } from "../refusal.ts";

/**
 * A value of Python: `None`, bool, int (bigint), float (number), str, list (array), and the classes below. Nothing
 * changes a value, as in Jinja's immutable sandbox, but for what a namespace holds.
 */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | readonly Value[]
  | Tuple
  | Dict
  | Undefined
  | Thing;

export class Tuple {
  readonly items: readonly Value[];

  constructor(items: readonly Value[]) {
    this.items = items;
  }
}

/** A tuple whose items have names too. */
export class NamedTuple extends Tuple {
  readonly names: readonly string[];

  constructor(names: readonly string[], items: readonly Value[]) {
    super(items);
    this.names = names;
  }
}

/** What stands where there is no value: it prints as nothing, and every use of it is an error. */
export class Undefined {}

/** Any other object of Python. */
export abstract class Thing {
  /** As in `type(x).__name__`. */
  abstract readonly kind: string;
  /** What it prints as. */
  print(): string {
    return refuse(`a ${this.kind} is printed, and Python prints where it lies in memory`);
  }
  attribute(_name: string): Value | undefined {
    return undefined;
  }
  /** What it gives in a loop; null when it cannot be looped over. */
  iterate(): Iterable<Value> | null {
    return null;
  }
  length(): number | null {
    return null;
  }
  call(_args: Args): Value {
    return refuse(`a ${this.kind} is called`);
  }
}

/** Arguments of a call. */
export interface Args {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

/** A function or a method. */
export class Callable extends Thing {
  readonly kind = "function";
  readonly #call: (args: Args) => Value;

  constructor(call: (args: Args) => Value) {
    super();
    this.#call = call;
  }

  override call(args: Args): Value {
    return this.#call(args);
  }
}

/** What gives its items one by one, and once: a generator. */
export class Lazy extends Thing {
  readonly kind = "generator";
  readonly #items: Iterator<Value>;

  constructor(items: Iterable<Value>) {
    super();
    this.#items = items[Symbol.iterator]();
  }

  override iterate(): Iterable<Value> {
    const items = this.#items;
    // A loop that is left early would close an iterator of JavaScript.
    return { [Symbol.iterator]: () => ({ next: () => items.next() }) };
  }
}

/** Text that counts as HTML. It only prints: with other text, Python would escape that. See {@link asPlain}. */
export class Markup extends Thing {
  readonly kind = "Markup";
  readonly #text: string;

  constructor(text: string) {
    super();
    this.#text = text;
  }

  override print(): string {
    return this.#text;
  }
}

/** Asked where more than the text of a value is looked at. */
export function asPlain(value: Value): Value {
  return value instanceof Markup ? refuse("safe text is used as more than text") : value;
}

/** What distinguishes a key of a dict: 1, 1.0 and True are one key. */
export type Key = string | bigint | number | null | undefined | Thing;

export function keyOf(value: Value): Key {
  if (value === null || typeof value === "string" || typeof value === "bigint") return value;
  if (typeof value === "boolean") return BigInt(value);
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (value instanceof Undefined) return undefined;
  if (value instanceof Tuple) {
    return `\0tuple ${JSON.stringify(value.items.map((item) => [typeof item, String(keyOf(item))]))}`;
  }
  if (value instanceof Thing && value.length() === null) return value;
  return refuse(`a ${kindOf(value)} cannot be a key`);
}

/** A dict, in the order in which its keys were added. */
export class Dict {
  readonly #entries = new Map<Key, readonly [Value, Value]>();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) {
      const id = keyOf(key);
      this.#entries.set(id, [this.#entries.get(id)?.[0] ?? key, value]);
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(keyOf(key))?.[1];
  }

  has(key: Value): boolean {
    return this.#entries.has(keyOf(key));
  }

  entries(): IterableIterator<readonly [Value, Value]> {
    return this.#entries.values();
  }

  keys(): readonly Value[] {
    return Array.from(this.#entries.values(), ([key]) => key);
  }

  values(): readonly Value[] {
    return Array.from(this.#entries.values(), ([, value]) => value);
  }
}

/** As in `type(x).__name__`. */
export function kindOf(value: Value): string {
  if (value === null) return "NoneType";
  if (Array.isArray(value)) return "list";
  if (value instanceof Tuple) return "tuple";
  if (value instanceof Dict) return "dict";
  if (value instanceof Undefined) return "value that is undefined";
  if (value instanceof Thing) return value.kind;
  const kinds: Readonly<Record<string, string>> = {
    boolean: "bool",
    bigint: "int",
    number: "float",
  };
  return kinds[typeof value] ?? "str";
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** A list or a tuple as its items. */
export function itemsOf(value: Value): readonly Value[] | null {
  if (isList(value)) return value;
  return value instanceof Tuple ? value.items : null;
}

export function isTrue(given: Value): boolean {
  const value = asPlain(given);
  if (value instanceof Undefined) return false;
  if (value instanceof Dict) return value.size > 0;
  if (value instanceof Thing) return value.length() !== 0;
  const items = itemsOf(value);
  // JavaScript holds the same numbers and texts for false as Python, but for what is not a number.
  return items ? items.length > 0 : Boolean(value) || Number.isNaN(value);
}

/** What a loop over a value gives: characters of a text, keys of a dict. */
export function iterate(value: Value): Iterable<Value> {
  const items = itemsOf(value) ?? iterableOf(value);
  return items ?? refuse(`a ${kindOf(value)} is looped over`);
}

function iterableOf(value: Value): Iterable<Value> | null {
  if (typeof value === "string") return characters(value);
  if (value instanceof Dict) return value.keys();
  if (value instanceof Undefined) return [];
  return value instanceof Thing ? value.iterate() : null;
}

export function isIterable(value: Value): boolean {
  return itemsOf(value) !== null || iterableOf(asPlain(value)) !== null;
}

/** All items, as a list. */
export function listOf(value: Value): readonly Value[] {
  const list: Value[] = [];
  for (const item of iterate(value)) {
    list.push(item);
    checkItems(list.length);
  }
  return list;
}

/** A text as its characters; JavaScript counts those beyond the basic plane twice. */
export function characters(text: string): readonly string[] {
  return Array.from(text);
}

/** Python's `len`. */
export function lengthOf(value: Value): number {
  if (typeof value === "string") return characters(value).length;
  if (value instanceof Dict) return value.size;
  if (value instanceof Undefined) return 0;
  const length = value instanceof Thing ? value.length() : itemsOf(value)?.length;
  return length ?? refuse(`a ${kindOf(value)} has no length`);
}

/** A number of Python as one of JavaScript's kinds; bools count as ints. */
export function numberOf(value: Value): bigint | number | null {
  if (typeof value === "boolean") return BigInt(value);
  return typeof value === "bigint" || typeof value === "number" ? value : null;
}

/** An int as a count or a place; null for what is none. */
export function indexOf(value: Value): number | null {
  const number = numberOf(value);
  if (typeof number !== "bigint") return null;
  return Number(number);
}
