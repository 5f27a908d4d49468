import { JsonNumber } from "../../rows/json-number.ts";
import { refuse } from "../refusal.ts";
import { Dict, Undefined, type Value } from "./values.ts";

/** A value of a data file as one of Python. */
export function toValue(input: unknown): Value {
  switch (typeof input) {
    case "string":
    case "boolean":
    case "bigint":
      return input;
    case "number":
      return Number.isInteger(input) ? BigInt(input) : input;
    case "undefined":
      return new Undefined();
    case "object":
      return ofObject(input);
    default:
      return refuse("a value that is not of JSON");
  }
}

// --- internal ---

function ofObject(input: object | null): Value {
  if (input === null) return null;
  if (input instanceof JsonNumber) return input.isInteger ? BigInt(input.text) : Number(input.text);
  if (Array.isArray(input)) return input.map(toValue);
  if (ArrayBuffer.isView(input)) return refuse("a value of bytes");
  return new Dict(Object.entries(input).map(([key, value]) => [key, toValue(value)]));
}
