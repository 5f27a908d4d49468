import { checkLength, refuse } from "../refusal.ts";
import { Dict, isList, Markup, Thing, Undefined, type Value } from "./values.ts";

/** Python turns no longer number into text. */
const DIGITS_MAX = 4300;
/** What `repr` escapes: control characters, spaces but the plain one, and what has no character. */
const UNPRINTABLE = /[\p{C}\p{Z}]/u;
const ESCAPED = /[^ -~]|['"\\]/gu;

/** Python's `str`: what `{{ value }}` prints. */
export function print(value: Value): string {
  if (typeof value === "string") return value;
  if (value instanceof Undefined) return "";
  if (value instanceof Thing) return value.print();
  return represent(value);
}

/** Python's `repr`: how a value prints within a list or a dict. */
export function represent(value: Value): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "bigint") return printInt(value);
  if (typeof value === "number") return printFloat(value);
  if (typeof value === "string") return quoted(value);
  if (value instanceof Undefined) return "Undefined";
  if (value instanceof Markup) return `Markup(${quoted(value.print())})`;
  if (value instanceof Thing) return value.print();
  if (value instanceof Dict) {
    const pairs = Array.from(
      value.entries(),
      ([key, item]) => `${represent(key)}: ${represent(item)}`,
    );
    return joined("{", pairs, "}");
  }
  if (isList(value)) return joined("[", value.map(represent), "]");
  return joined("(", value.items.map(represent), value.items.length === 1 ? ",)" : ")");
}

export function printInt(value: bigint): string {
  const text = value.toString();
  return text.length > DIGITS_MAX + Number(value < 0n)
    ? refuse(`an int has more than ${DIGITS_MAX} digits`)
    : text;
}

/** A float with the fewest digits that tell it from others, as Python lays them out. */
export function printFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const [mantissa = "", power = "0"] = value.toExponential().split("e");
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const digits = mantissa.replace(/\D/g, "");
  return sign + laidOut(digits, Number(power));
}

/** Digits of which the first counts for this power of ten. */
function laidOut(digits: string, exponent: number): string {
  if (exponent < -4 || exponent >= 16) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${digits[0]}${fraction}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${whole}.${digits.slice(exponent + 1) || "0"}`;
}

/** A finite float with this many decimals, exactly rounded, halves to the even digit: as C prints it. */
export function fixed(value: number, decimals: number): string {
  checkLength(decimals);
  const [numerator, denominator] = asRatio(Math.abs(value));
  const scaled = numerator * 10n ** BigInt(Math.max(decimals, 0));
  const divisor = denominator * 10n ** BigInt(Math.max(-decimals, 0));
  const digits = (
    roundedDivision(scaled, divisor) *
    10n ** BigInt(Math.max(-decimals, 0))
  ).toString();
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (decimals <= 0) return sign + digits;
  const padded = digits.padStart(decimals + 1, "0");
  return `${sign}${padded.slice(0, -decimals)}.${padded.slice(-decimals)}`;
}

/** Rounded to the nearest, halves to the even; both are positive. */
export function roundedDivision(numerator: bigint, divisor: bigint): bigint {
  const quotient = numerator / divisor;
  const twice = (numerator % divisor) * 2n;
  const isUp = twice > divisor || (twice === divisor && quotient % 2n === 1n);
  return quotient + (isUp ? 1n : 0n);
}

// --- internal ---

function joined(open: string, parts: readonly string[], close: string): string {
  checkLength(parts.reduce((sum, part) => sum + part.length + 2, 0));
  return open + parts.join(", ") + close;
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text.replace(ESCAPED, (character) => {
    if (character === quote || character === "\\") return `\\${character}`;
    if (character === "\n") return "\\n";
    if (character === "\r") return "\\r";
    if (character === "\t") return "\\t";
    return UNPRINTABLE.test(character) ? escaped(character) : character;
  });
  return quote + body + quote;
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** A positive float as an exact fraction. */
function asRatio(value: number): readonly [bigint, bigint] {
  let [numerator, exponent] = [value, 0];
  while (!Number.isInteger(numerator)) {
    numerator *= 2;
    exponent += 1;
  }
  return [BigInt(numerator), 1n << BigInt(exponent)];
}
