import { strict as assert } from "node:assert";
import { z } from "zod";
import { configSchema } from "./config.ts";

/** One value of the configuration, as the environment, the flags and the template see it. */
export interface Field {
  /** Dotted key, e.g. `run.batchSize`. */
  readonly key: string;
  /** Environment variable, e.g. `KLATCH_RUN_BATCH_SIZE`. */
  readonly variable: string;
  /** Flag, e.g. `--run-batch-size`. */
  readonly flag: string;
  readonly kind: "text" | "number" | "boolean" | "list" | "number-or-text";
  readonly description: string;
  readonly default: unknown;
  /** Bounds or choices, for a person; empty when the description says it all. */
  readonly bounds: string;
}

/** A group of fields, in the order of the schema; `fields` and `sections` lie directly in it. */
export interface Section {
  readonly key: string;
  readonly description: string;
  readonly members: readonly (Field | Section)[];
}

/** The part of JSON Schema that a configuration uses. */
interface Shape {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly anyOf?: readonly Shape[];
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/** The whole configuration as a tree. */
export function configTree(): Section {
  return section("", z.toJSONSchema(configSchema, { io: "input" }) as Shape);
}

/** Every field, in the order of the schema. */
export function configFields(): readonly Field[] {
  return flatten(configTree());
}

export function isSection(member: Field | Section): member is Section {
  return "members" in member;
}

// --- internal ---

function flatten(tree: Section): readonly Field[] {
  return tree.members.flatMap((member) => (isSection(member) ? flatten(member) : [member]));
}

function section(key: string, shape: Shape): Section {
  const members = Object.entries(shape.properties ?? {}).map(([name, inner]) => {
    const innerKey = key === "" ? name : `${key}.${name}`;
    return inner.properties === undefined ? field(innerKey, inner) : section(innerKey, inner);
  });
  return { key, description: shape.description ?? "", members };
}

function field(key: string, shape: Shape): Field {
  assert(shape.description !== undefined, `configuration key ${key} lacks a description`);
  const words = key.split(".").flatMap((part) => part.split(/(?=[A-Z])/));
  return {
    key,
    variable: `KLATCH_${words.join("_").toUpperCase()}`,
    flag: `--${words.join("-").toLowerCase()}`,
    kind: kindOf(shape),
    description: shape.description,
    default: shape.default,
    bounds: boundsOf(shape),
  };
}

function kindOf(shape: Shape): Field["kind"] {
  if (shape.anyOf !== undefined) return shape.anyOf.some(isNumber) ? "number-or-text" : "text";
  if (isNumber(shape)) return "number";
  if (shape.type === "boolean") return "boolean";
  return shape.type === "array" ? "list" : "text";
}

function isNumber({ type }: Shape): boolean {
  return type === "integer" || type === "number";
}

function boundsOf(shape: Shape): string {
  if (shape.enum !== undefined) return shape.enum.join(" | ");
  const { minimum, maximum } = shape;
  return minimum === undefined || maximum === undefined ? "" : `${minimum} to ${maximum}`;
}
