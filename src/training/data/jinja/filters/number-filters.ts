import { refuse } from "../refusal.ts";
import { SPACE } from "../syntax/tokens.ts";
import { Parameters } from "../values/arguments.ts";
import { asFloat, calculate } from "../values/arithmetic.ts";
import { fixed, roundedDivision } from "../values/printing.ts";
import { type Args, asPlain, kindOf, numberOf, Undefined, type Value } from "../values/values.ts";
import type { Filter } from "./text-filters.ts";

const FLOAT = new RegExp(
  `^[${SPACE}]*([-+]?)(?:((?:\\d+(?:_\\d+)*\\.?|\\.\\d)(?:\\d+(?:_\\d+)*)?(?:e[-+]?\\d+(?:_\\d+)*)?)|(inf|infinity)|(nan))[${SPACE}]*$`,
  "i",
);
const INT = new RegExp(`^[${SPACE}]*([-+]?)([\\p{L}\\p{N}_]+)[${SPACE}]*$`, "u");
const PREFIXES: Readonly<Record<number, RegExp>> = { 2: /^0b_?/i, 8: /^0o_?/i, 16: /^0x_?/i };

/** Filters that make a number. */
export const NUMBER_FILTERS: Readonly<Record<string, Filter>> = {
  abs: (value, args) => {
    new Parameters("abs", args, []);
    const number = numberOf(value) ?? refuse(`the filter abs on a ${kindOf(value)}`);
    return number < 0 || Object.is(number, -0) ? -number : number;
  },
  float: toFloat,
  int: toInt,
  round,
};

/** Python's `float` of a text; null where it is none. */
function floatIn(text: string): number | null {
  checkDigits(text);
  const [, sign, digits, infinite, nan] = FLOAT.exec(text) ?? [];
  const size = infinite
    ? Number.POSITIVE_INFINITY
    : nan
      ? Number.NaN
      : Number(digits?.replaceAll("_", ""));
  if (digits === undefined && !infinite && !nan) return null;
  return sign === "-" ? -size : size;
}

/** Python reads digits of any script. */
function checkDigits(text: string): void {
  if (/\p{Nd}/u.test(text.replace(/[0-9]/g, ""))) refuse("digits of another script are read");
}

/** Python's `int` of a text; null where it is none. */
function intIn(text: string, base: number): bigint | null {
  const [, sign, digits = ""] = INT.exec(text) ?? [];
  checkDigits(text);
  const prefix = PREFIXES[base];
  const bare = prefix ? digits.replace(prefix, "") : digits;
  if (!/^[0-9a-z]+(_[0-9a-z]+)*$/i.test(bare)) return null;
  let value = 0n;
  for (const digit of bare.replaceAll("_", "")) {
    const size = Number.parseInt(digit, 36);
    if (size >= base) return null;
    value = value * BigInt(base) + BigInt(size);
  }
  return sign === "-" ? -value : value;
}

function toFloat(value: Value, args: Args): Value {
  const given = new Parameters("float", args, ["default"]);
  if (value instanceof Undefined) refuse("the filter float on a value that is undefined");
  const number = typeof value === "string" ? floatIn(value) : numberOf(asPlain(value));
  return number === null ? given.value("default", 0) : asFloat(number);
}

function toInt(value: Value, args: Args): Value {
  const given = new Parameters("int", args, ["default", "base"]);
  const base = given.int("base", 10);
  if (base < 2 || base > 36) refuse("int() in an unknown base");
  if (value instanceof Undefined) refuse("the filter int on a value that is undefined");
  const exact = typeof value === "string" ? intIn(value, base) : null;
  if (exact !== null) return exact;
  const number = typeof value === "string" ? floatIn(value) : numberOf(asPlain(value));
  if (typeof number === "bigint") return number;
  if (number === null || Number.isNaN(number)) return given.value("default", 0n);
  if (Number.isFinite(number)) return BigInt(Math.trunc(number));
  return typeof value === "string"
    ? given.value("default", 0n)
    : refuse("a float without end as an int");
}

function round(value: Value, args: Args): Value {
  const given = new Parameters("round", args, ["precision", "method"]);
  const precision = given.int("precision", 0);
  const method = given.text("method", "common");
  if (Math.abs(precision) > 400) refuse("round() to very many digits");
  const number = numberOf(value) ?? refuse(`the filter round on a ${kindOf(value)}`);
  if (method === "common") return nearest(number, precision);
  const scale = calculate("**", 10n, BigInt(precision));
  const scaled = calculate("*", number, scale);
  if (method !== "ceil" && method !== "floor") refuse("round() by an unknown method");
  if (typeof scaled === "number" && !Number.isFinite(scaled))
    refuse("a float without end is rounded");
  const whole = typeof scaled === "number" ? BigInt(Math[method](scaled)) : scaled;
  return calculate("/", whole, scale);
}

function nearest(number: bigint | number, precision: number): Value {
  if (typeof number === "number") {
    return Number.isFinite(number) ? Number(fixed(number, precision)) : number;
  }
  if (precision >= 0) return number;
  const unit = 10n ** BigInt(-precision);
  const size = roundedDivision(number < 0n ? -number : number, unit) * unit;
  return number < 0n ? -size : size;
}
