import { checkItems, EndlessTemplate, refuse } from "../refusal.ts";
import { represent } from "./printing.ts";
import {
  characters,
  Dict,
  indexOf,
  isList,
  itemsOf,
  kindOf,
  Thing,
  Tuple,
  type Value,
} from "./values.ts";

/** The longest range of Jinja's sandbox. */
const RANGE_MAX = 100_000;

/** Python's range. */
export class Range extends Thing {
  readonly kind = "range";
  readonly #start: number;
  readonly #stop: number;
  readonly #step: number;
  readonly #length: number;

  constructor(start: number, stop: number, step: number) {
    super();
    if (step === 0) refuse("range() with steps of zero");
    [this.#start, this.#stop, this.#step] = [start, stop, step];
    this.#length = Math.max(0, Math.ceil((stop - start) / step));
    if (this.#length > RANGE_MAX) throw new EndlessTemplate();
  }

  override print(): string {
    const step = this.#step === 1 ? "" : `, ${this.#step}`;
    return `range(${this.#start}, ${this.#stop}${step})`;
  }

  override length(): number {
    return this.#length;
  }

  override *iterate(): Iterable<Value> {
    for (let i = 0; i < this.#length; i += 1) yield this.at(i);
  }

  at(place: number): bigint {
    return BigInt(this.#start + place * this.#step);
  }
}

/** Keys, values or pairs of a dict. */
export class DictView extends Thing {
  readonly kind: string;
  readonly #items: readonly Value[];

  constructor(kind: "keys" | "values" | "items", dict: Dict) {
    super();
    this.kind = `dict_${kind}`;
    if (kind === "items") this.#items = Array.from(dict.entries(), (pair) => new Tuple(pair));
    else this.#items = kind === "keys" ? dict.keys() : dict.values();
  }

  override print(): string {
    return `${this.kind}(${represent(this.#items)})`;
  }

  override length(): number {
    return this.#items.length;
  }

  override iterate(): Iterable<Value> {
    return this.#items;
  }
}

/** `sequence[key]`; undefined where there is nothing of that kind or place. */
export function itemAt(sequence: Value, key: Value): Value | undefined {
  if (sequence instanceof Dict) return isHashable(key) ? sequence.get(key) : undefined;
  const place = indexOf(key);
  if (place === null) return undefined;
  if (sequence instanceof Range) {
    const at = place < 0 ? place + sequence.length() : place;
    return at >= 0 && at < sequence.length() ? sequence.at(at) : undefined;
  }
  const items = typeof sequence === "string" ? characters(sequence) : itemsOf(sequence);
  return items?.at(place);
}

/** `sequence[start:stop:step]`. */
export function sliceOf(sequence: Value, bounds: readonly (Value | undefined)[]): Value {
  const [start, stop, step] = bounds.map(boundOf);
  if (typeof sequence === "string") {
    return cut(characters(sequence), start, stop, step).join("");
  }
  const items = itemsOf(sequence);
  if (items === null) return refuse(`a ${kindOf(sequence)} is cut like a list`);
  const part = cut(items, start, stop, step);
  return isList(sequence) ? part : new Tuple(part);
}

/** The last first; null for what has no order. */
export function reversed(value: Value): readonly Value[] | null {
  if (typeof value === "string") return null;
  const items = itemsOf(value) ?? orderedItems(value);
  return items && [...items].reverse();
}

// --- internal ---

function orderedItems(value: Value): Iterable<Value> | null {
  if (value instanceof Dict) return value.keys();
  return value instanceof Thing && value.length() !== null ? value.iterate() : null;
}

function isHashable(key: Value): boolean {
  if (key instanceof Tuple) return key.items.every(isHashable);
  return !isList(key) && !(key instanceof Dict);
}

function boundOf(value: Value | undefined): number | null {
  if (value === undefined || value === null) return null;
  return indexOf(value) ?? refuse(`a list is cut at a ${kindOf(value)}`);
}

function cut<T>(
  items: readonly T[],
  start: number | null = null,
  stop: number | null = null,
  step: number | null = null,
): readonly T[] {
  const by = step ?? 1;
  if (by === 0) refuse("a list is cut in steps of zero");
  const [low, high] = by > 0 ? [0, items.length] : [-1, items.length - 1];
  const within = (place: number) =>
    Math.min(Math.max(place < 0 ? place + items.length : place, low), high);
  const from = start === null ? (by > 0 ? low : high) : within(start);
  const to = stop === null ? (by > 0 ? high : low) : within(stop);
  const part: T[] = [];
  for (let at = from; by > 0 ? at < to : at > to; at += by) part.push(items[at] as T);
  checkItems(part.length);
  return part;
}
