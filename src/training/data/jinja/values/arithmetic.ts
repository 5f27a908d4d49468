import { checkItems, checkLength, refuse } from "../refusal.ts";
import type { BinaryOperator } from "../syntax/nodes.ts";
import { formatPercent } from "./percent-format.ts";
import {
  indexOf,
  isList,
  itemsOf,
  kindOf,
  numberOf,
  Tuple,
  Undefined,
  type Value,
} from "./values.ts";

type PyNumber = bigint | number;
/** Ints of more bits are not computed with. */
const BITS_MAX = 1 << 16;

/** A binary operator of Python. */
export function calculate(operator: BinaryOperator, left: Value, right: Value): Value {
  if (left instanceof Undefined || right instanceof Undefined) {
    return refuse(`"${operator}" is used on a value that is undefined`);
  }
  const [x, y] = [numberOf(left), numberOf(right)];
  if (x !== null && y !== null) return ofNumbers(operator, x, y);
  return ofSequences(operator, left, right) ?? unsupported(operator, left, right);
}

/** `-value` and `+value`. */
export function signed(operator: "-" | "+", operand: Value): Value {
  const number = numberOf(operand);
  if (number === null) return refuse(`"${operator}" is used on a ${kindOf(operand)}`);
  return operator === "-" ? -number : number;
}

// --- internal ---

function unsupported(operator: string, left: Value, right: Value): never {
  return refuse(`"${operator}" is used between a ${kindOf(left)} and a ${kindOf(right)}`);
}

function ofSequences(operator: BinaryOperator, left: Value, right: Value): Value | null {
  if (operator === "%" && typeof left === "string") return formatPercent(left, right);
  if (operator === "*") return repeated(left, right) ?? repeated(right, left);
  if (operator !== "+") return null;
  if (typeof left === "string" && typeof right === "string") {
    checkLength(left.length + right.length);
    return left + right;
  }
  if (isList(left) && isList(right)) return joined(left, right);
  if (!(left instanceof Tuple && right instanceof Tuple)) return null;
  return new Tuple(joined(left.items, right.items));
}

function joined(left: readonly Value[], right: readonly Value[]): readonly Value[] {
  checkItems(left.length + right.length);
  return [...left, ...right];
}

function repeated(sequence: Value, count: Value): Value | null {
  const times = indexOf(count);
  if (times === null) return null;
  if (!Number.isSafeInteger(times)) refuse("a sequence is repeated too often");
  const often = Math.max(times, 0);
  if (typeof sequence === "string") {
    checkLength(sequence.length * often);
    return sequence.repeat(often);
  }
  const items = itemsOf(sequence);
  if (items === null) return null;
  checkItems(items.length * often);
  const all = Array.from(
    { length: items.length * often },
    (_, i) => items[i % items.length] ?? null,
  );
  return isList(sequence) ? all : new Tuple(all);
}

function ofNumbers(operator: BinaryOperator, x: PyNumber, y: PyNumber): PyNumber {
  if (typeof x === "bigint" && typeof y === "bigint") return ofInts(operator, x, y);
  return ofFloats(operator, asFloat(x), asFloat(y));
}

/** @throws TemplateRefusal as Python's OverflowError */
export function asFloat(value: PyNumber): number {
  const float = Number(value);
  return typeof value === "bigint" && !Number.isFinite(float)
    ? refuse("an int is too large for a float")
    : float;
}

function ofInts(operator: BinaryOperator, x: bigint, y: bigint): PyNumber {
  if (y === 0n && /[/%]/.test(operator)) return refuse("a division by zero");
  switch (operator) {
    case "+":
      return bounded(x + y);
    case "-":
      return bounded(x - y);
    case "*":
      return bounded(x * y);
    case "/":
      return quotient(x, y);
    case "//":
      return (x - floorRemainder(x, y)) / y;
    case "%":
      return floorRemainder(x, y);
    case "**":
      return power(x, y);
  }
}

function bounded(value: bigint): bigint {
  const isSmall = value < 1n << 64n && value > -(1n << 64n);
  if (!isSmall && value.toString(16).length * 4 > BITS_MAX) refuse("an int is too large");
  return value;
}

/** The remainder with the divisor's sign, as Python has it. */
function floorRemainder(x: bigint, y: bigint): bigint {
  const remainder = x % y;
  return remainder !== 0n && remainder < 0n !== y < 0n ? remainder + y : remainder;
}

function quotient(x: bigint, y: bigint): number {
  if ([x, y].every((each) => Number.isSafeInteger(Number(each)))) return Number(x) / Number(y);
  return x % y === 0n ? asFloat(x / y) : refuse("ints beyond 2**53 are divided");
}

function power(x: bigint, y: bigint): PyNumber {
  if (y < 0n) {
    if (x === 0n) return refuse("zero to a negative power");
    return quotient(1n, integerPower(x, -y));
  }
  return integerPower(x, y);
}

function integerPower(x: bigint, y: bigint): bigint {
  const bits = x.toString(2).length;
  if (x * x > 1n && Number(y) * bits > BITS_MAX) refuse("an int is too large");
  return x * x > 1n ? x ** y : x ** (y % 2n === 0n && y > 0n ? 2n : y % 2n);
}

function ofFloats(operator: BinaryOperator, x: number, y: number): number {
  if (y === 0 && /[/%]/.test(operator)) return refuse("a division by zero");
  switch (operator) {
    case "+":
      return x + y;
    case "-":
      return x - y;
    case "*":
      return x * y;
    case "/":
      return x / y;
    case "//":
      return floorDivision(x, y);
    case "%":
      return remainderOf(x, y);
    case "**":
      return floatPower(x, y);
  }
}

function remainderOf(x: number, y: number): number {
  const remainder = x % y;
  if (remainder === 0) return y < 0 ? -0 : 0;
  return remainder < 0 !== y < 0 ? remainder + y : remainder;
}

/** As CPython's `float_floor_div`: the remainder first, so that both fit together. */
function floorDivision(x: number, y: number): number {
  const remainder = x % y;
  const whole = (x - remainder) / y - Number(remainder !== 0 && remainder < 0 !== y < 0);
  if (whole === 0) return x / y < 0 || Object.is(x / y, -0) ? -0 : 0;
  const floor = Math.floor(whole);
  return whole - floor > 0.5 ? floor + 1 : floor;
}

/** Only what is exact: the last digit of other powers is not the same in every library. */
function floatPower(x: number, y: number): number {
  if (y === 0) return 1;
  if (y === 1) return x;
  const isExact = Number.isSafeInteger(x) && Number.isInteger(y) && y > 0 && y < 64;
  const result = isExact ? x ** y : Number.NaN;
  return Number.isSafeInteger(result) ? result : refuse("a power that is not a whole number");
}
