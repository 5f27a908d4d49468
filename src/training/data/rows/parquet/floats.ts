import type { FileMetaData, SchemaElement } from "hyparquet";
import { JsonNumber } from "../json-number.ts";

/** Where floats stand in the values of a column. */
export interface FloatPlaces {
  readonly isFloat: boolean;
  /** Parts of an object by name. */
  readonly parts: ReadonlyMap<string, FloatPlaces>;
  /** Items of a list, or values of a map. */
  readonly items: FloatPlaces | null;
}

/** Where floats stand in the columns of a file: JavaScript does not tell 100.0 from 100, and Python prints both. */
export function floatPlaces({ schema }: FileMetaData): FloatPlaces {
  const elements = schema[Symbol.iterator]();
  const places = (element: SchemaElement | undefined): FloatPlaces => {
    const { type, num_children = 0 } = element ?? {};
    const children = Array.from({ length: num_children }, () => {
      const child: SchemaElement | undefined = elements.next().value;
      return { child, places: places(child) };
    });
    const parts = new Map(children.map((each) => [each.child?.name ?? "", each.places]));
    const [only] = children;
    const isRepeated = children.length === 1 && only?.child?.repetition_type === "REPEATED";
    const items = isRepeated ? itemsOf(only.places) : null;
    return { isFloat: type === "DOUBLE" || type === "FLOAT", parts, items };
  };
  return places(elements.next().value);
}

/** A whole float as it is printed with its point. */
export function writtenFloat(value: number): JsonNumber {
  return new JsonNumber(Math.abs(value) < 1e16 ? `${value}.0` : value.toExponential());
}

// --- internal ---

/** A list has its items in a group of one, a map in a group of key and value. */
function itemsOf(group: FloatPlaces): FloatPlaces {
  const [first, second] = group.parts.values();
  return second ?? first ?? group;
}
