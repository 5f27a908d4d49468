import { checkLength, refuse } from "../refusal.ts";
import { fixed, print, represent } from "./printing.ts";
import { Dict, indexOf, kindOf, Tuple, type Value } from "./values.ts";

const DIRECTIVE = /%(?:\(([^()]*)\))?([-+ 0#]*)(\d+|\*)?(?:(\.)(\d+|\*)?)?([\s\S])/g;

/** Python's `text % values`. */
export function formatPercent(text: string, values: Value): string {
  const supply = new Supply(values);
  const formatted = text.replace(DIRECTIVE, (whole, key, flags, width, point, decimals, kind) => {
    if (whole === "%%") return "%";
    if (width === "*" || decimals === "*") refuse("a format takes its width from a value");
    const places = point === undefined ? null : Number(decimals ?? 0);
    const value = supply.take(key);
    const body = converted(value, kind, flags, places);
    return padded(body, flags, Number(width ?? 0), "sra".includes(kind));
  });
  if (/%$/.test(text.replace(DIRECTIVE, ""))) refuse("a format is not whole");
  supply.finish();
  checkLength(formatted.length);
  return formatted;
}

// --- internal ---

/** Values for the directives: those of a tuple one by one, those of a dict by name. */
class Supply {
  readonly #values: Value;
  readonly #items: readonly Value[];
  #used = 0;

  constructor(values: Value) {
    this.#values = values;
    this.#items = values instanceof Tuple ? values.items : [values];
  }

  take(key: string | undefined): Value {
    if (key !== undefined) {
      const found = this.#values instanceof Dict ? this.#values.get(key) : undefined;
      this.#used = this.#items.length;
      return found === undefined ? refuse("a format names what is not there") : found;
    }
    this.#used += 1;
    const item = this.#items[this.#used - 1];
    return item === undefined ? refuse("a format has too few values") : item;
  }

  finish(): void {
    // A dict need not be used up, nor a list, which has items to be asked for by name.
    const mayBeLeft = this.#values instanceof Dict || Array.isArray(this.#values);
    if (this.#used < this.#items.length && !mayBeLeft) refuse("a format has too many values");
  }
}

function converted(value: Value, kind: string, flags: string, places: number | null): string {
  switch (kind) {
    case "s":
    case "r": {
      const text = kind === "s" ? print(value) : represent(value);
      return places === null ? text : Array.from(text).slice(0, places).join("");
    }
    case "d":
    case "i":
    case "u":
      return withSign(wholeNumber(value).toString().replace(/\d+/, atLeast(places)), flags);
    case "x":
    case "X":
    case "o":
      return based(value, kind, flags, places);
    case "f":
    case "F":
      if (flags.includes("#")) refuse("a format with a point that nothing follows");
      return withSign(fixed(asNumber(value), places ?? 6), flags);
    default:
      return refuse(`a format "%${/^[a-z]$/i.test(kind) ? kind : "?"}" is asked for`);
  }
}

function atLeast(digits: number | null): (text: string) => string {
  checkLength(digits ?? 0);
  return (text) => text.padStart(digits ?? 0, "0");
}

function based(value: Value, kind: string, flags: string, places: number | null): string {
  const int =
    indexOf(value) === null
      ? refuse(`a ${kindOf(value)} is printed with %x`)
      : BigInt(value as bigint);
  const digits = int.toString(kind === "o" ? 8 : 16).replace(/\w+/, atLeast(places));
  const prefix = flags.includes("#") ? (kind === "o" ? "0o" : "0x") : "";
  const text = digits.replace(/^-?/, (sign) => sign + prefix);
  return withSign(kind === "X" ? text.toUpperCase() : text, flags);
}

function wholeNumber(value: Value): bigint {
  if (typeof value !== "number") return BigInt(asNumberLike(value));
  return Number.isFinite(value)
    ? BigInt(Math.trunc(value))
    : refuse("a number without end is printed");
}

function asNumber(value: Value): number {
  const number = Number(asNumberLike(value));
  return Number.isFinite(number) ? number : refuse("a number without end is printed");
}

function asNumberLike(value: Value): bigint | number | boolean {
  if (typeof value === "bigint" || typeof value === "number" || typeof value === "boolean") {
    return value;
  }
  return refuse(`a ${kindOf(value)} is printed as a number`);
}

function withSign(number: string, flags: string): string {
  if (number.startsWith("-")) return number;
  return (flags.includes("+") ? "+" : flags.includes(" ") ? " " : "") + number;
}

function padded(body: string, flags: string, width: number, isText: boolean): string {
  checkLength(width);
  const missing = Math.max(width - Array.from(body).length, 0);
  if (flags.includes("-")) return body + " ".repeat(missing);
  if (!flags.includes("0") || isText) return " ".repeat(missing) + body;
  return body.replace(/^[-+ ]?(0[xo])?/i, (sign) => sign + "0".repeat(missing));
}
