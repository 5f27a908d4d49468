import { JsonNumber } from "../../rows/json-number.ts";
import { JsonObject } from "../../rows/json-object.ts";
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
  if (input instanceof JsonObject) return dict(input.entries);
  if (Array.isArray(input)) return input.map(toValue);
  if (ArrayBuffer.isView(input)) return refuse("a value of bytes");
  return dict(Object.entries(input));
}

function dict(entries: Iterable<readonly [string, unknown]>): Dict {
  return new Dict(Array.from(entries, ([key, value]) => [key, toValue(value)]));
}
