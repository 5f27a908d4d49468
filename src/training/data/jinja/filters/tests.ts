import { refuse } from "../refusal.ts";
import type { Comparison } from "../syntax/nodes.ts";
import { calculate } from "../values/arithmetic.ts";
import { isLower, isUpper } from "../values/casing.ts";
import { compare, contains, equals } from "../values/comparing.ts";
import { print } from "../values/printing.ts";
import { Range } from "../values/sequences.ts";
import {
  type Args,
  asPlain,
  Dict,
  isIterable,
  itemsOf,
  Markup,
  numberOf,
  Thing,
  Undefined,
  type Value,
} from "../values/values.ts";

type Test = (value: Value, other: Value) => boolean;
type KnownName = (kind: "filter" | "test", name: Value) => boolean;

const COMPARED: Readonly<Record<string, Comparison>> = {
  ...{ eq: "==", equalto: "==", "==": "==", ne: "!=", "!=": "!=" },
  ...{ gt: ">", greaterthan: ">", ">": ">", ge: ">=", ">=": ">=" },
  ...{ lt: "<", lessthan: "<", "<": "<", le: "<=", "<=": "<=" },
};

const ALONE: Readonly<Record<string, (value: Value) => boolean>> = {
  boolean: (value) => typeof value === "boolean",
  callable: (value) =>
    value instanceof Undefined ||
    (value instanceof Thing && /^(function|Macro|LoopContext|Joiner)$/.test(value.kind)),
  defined: (value) => !(value instanceof Undefined),
  escaped: (value) => value instanceof Markup,
  even: (value) => equals(calculate("%", value, 2n), 0n),
  false: (value) => value === false,
  float: (value) => typeof value === "number",
  integer: (value) => typeof value === "bigint",
  iterable: isIterable,
  lower: (value) => isLower(print(value)),
  mapping: (value) => value instanceof Dict,
  none: (value) => value === null,
  number: (value) => numberOf(value) !== null,
  odd: (value) => equals(calculate("%", value, 2n), 1n),
  sequence: (value) =>
    typeof asPlain(value) === "string" ||
    [Dict, Range, Undefined].some((kind) => value instanceof kind) ||
    itemsOf(value) !== null,
  string: (value) => typeof value === "string" || value instanceof Markup,
  true: (value) => value === true,
  undefined: (value) => value instanceof Undefined,
  upper: (value) => isUpper(print(value)),
};

const WITH_OTHER: Readonly<Record<string, Test>> = {
  divisibleby: (value, other) => equals(calculate("%", value, other), 0n),
  in: (value, other) => contains(other, value),
  sameas: isSame,
};

export function isTest(name: string): boolean {
  return [ALONE, WITH_OTHER, COMPARED, { filter: 1, test: 1 }].some((tests) =>
    Object.hasOwn(tests, name),
  );
}

/** `value is name(args)`. */
export function applyTest(name: string, value: Value, args: Args, isKnown: KnownName): boolean {
  const { positional, named } = args;
  const [other] = positional;
  if (named.size > 0) return refuse(`the test ${name} with named arguments`);
  if (Object.hasOwn(ALONE, name)) {
    return (
      ALONE[name]?.(value) === true &&
      (other === undefined || refuse(`the test ${name} with an argument`))
    );
  }
  if (name === "filter" || name === "test") return isKnown(name, value);
  if (!isTest(name)) return refuse(`Unknown test: ${name}`);
  if (other === undefined || positional.length > 1)
    return refuse(`the test ${name} takes one argument`);
  const comparison = COMPARED[name];
  if (comparison) return compare(value, comparison, other);
  return WITH_OTHER[name]?.(value, other) === true;
}

// --- internal ---

/** The same object; which equal numbers and texts are one object depends on the interpreter. */
function isSame(value: Value, other: Value): boolean {
  const isShared = (each: Value) => ["bigint", "number", "string"].includes(typeof each);
  if (isShared(value) && isShared(other) && equals(value, other))
    refuse("sameas of two numbers or texts");
  if (value instanceof Undefined && other instanceof Undefined)
    refuse("sameas of what is undefined");
  return value === other;
}
