import { refuse } from "../refusal.ts";
import type { Comparison } from "../syntax/nodes.ts";
import {
  asPlain,
  Dict,
  isList,
  iterate,
  kindOf,
  numberOf,
  Thing,
  Tuple,
  Undefined,
  type Value,
} from "./values.ts";

/** Python's `==`. */
export function equals(first: Value, second: Value): boolean {
  const [a, b] = [asPlain(first), asPlain(second)];
  const [x, y] = [numberOf(a), numberOf(b)];
  // JavaScript compares an int and a float by what they stand for, as Python does.
  if (x !== null && y !== null) return !(x < y || x > y) && !Number.isNaN(x) && !Number.isNaN(y);
  if (a instanceof Undefined) return b instanceof Undefined;
  if (isList(a)) return isList(b) && sameItems(a, b);
  if (a instanceof Tuple) return b instanceof Tuple && sameItems(a.items, b.items);
  if (a instanceof Dict) return b instanceof Dict && sameEntries(a, b);
  if (a instanceof Thing && a !== b && b instanceof Thing && a.length() !== null) {
    return refuse(`a ${a.kind} and a ${b.kind} are compared`);
  }
  return a === b;
}

/** Whether a value comes before another, as Python's `<` has it. */
export function isLess(a: Value, b: Value): boolean {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== null && y !== null) return x < y;
  if (typeof a === "string" && typeof b === "string") return order(a, b) < 0;
  if (isList(a) && isList(b)) return firstIsLess(a, b);
  if (a instanceof Tuple && b instanceof Tuple) return firstIsLess(a.items, b.items);
  return refuse(`a ${kindOf(a)} and a ${kindOf(b)} have no order`);
}

/** Which of two texts comes first by their characters; JavaScript compares halves of characters. */
export function order(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  // Half of a character is compared as the whole.
  if (at > 0 && /[\udc00-\udfff]/.test((a[at] ?? "") + (b[at] ?? ""))) at -= 1;
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1);
}

/** Python's `in`. */
export function contains(container: Value, item: Value): boolean {
  if (typeof container === "string") {
    if (typeof item === "string") return container.includes(item);
    return refuse(`a ${kindOf(item)} is looked for in a str`);
  }
  if (container instanceof Dict) return container.has(item);
  for (const each of iterate(container)) if (each === item || equals(each, item)) return true;
  return false;
}

export function compare(a: Value, operator: Comparison, b: Value): boolean {
  switch (operator) {
    case "==":
      return equals(a, b);
    case "!=":
      return !equals(a, b);
    case "in":
      return contains(b, a);
    case "not in":
      return !contains(b, a);
    case "<":
      return isLess(a, b);
    case ">":
      return isLess(b, a);
    case "<=":
      return isAtMost(a, b);
    case ">=":
      return isAtMost(b, a);
  }
}

/** Python's `sorted`. */
export function sorted<T>(
  items: readonly T[],
  keyOfItem: (item: T) => Value,
  isReversed = false,
): readonly T[] {
  const keyed = items.map((item) => ({ item, key: keyOfItem(item) }));
  const inOrder = keyed.sort(({ key: a }, { key: b }) => {
    const [first, second] = isReversed ? [b, a] : [a, b];
    if (isLess(first, second)) return -1;
    return isLess(second, first) ? 1 : 0;
  });
  return inOrder.map(({ item }) => item);
}

// --- internal ---

function isAtMost(a: Value, b: Value): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return false;
  return isLess(a, b) || (isComparable(a) && equals(a, b));
}

function isComparable(value: Value): boolean {
  return !(value instanceof Undefined);
}

function sameItems(a: readonly Value[], b: readonly Value[]): boolean {
  return a.length === b.length && a.every((item, i) => equals(item, b[i] ?? null));
}

function sameEntries(a: Dict, b: Dict): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a.entries()) {
    const other = b.get(key);
    if (other === undefined || !equals(value, other)) return false;
  }
  return true;
}

/** The first items that differ decide; where none does, the shorter list is less. */
function firstIsLess(a: readonly Value[], b: readonly Value[]): boolean {
  const at = a.findIndex((item, i) => i >= b.length || !equals(item, b[i] ?? null));
  if (at < 0) return a.length < b.length;
  return at < b.length && isLess(a[at] ?? null, b[at] ?? null);
}
