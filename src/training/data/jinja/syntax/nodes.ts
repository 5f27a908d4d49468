import type { Value } from "../values/values.ts";

/** Arguments of a call, a filter or a test. */
export interface Arguments {
  readonly positional: readonly Expression[];
  readonly named: readonly (readonly [name: string, value: Expression])[];
  /** `*list` and `**dict`. */
  readonly list: Expression | null;
  readonly dict: Expression | null;
}

export type BinaryOperator = "+" | "-" | "*" | "/" | "//" | "%" | "**";
export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in";

export type Expression =
  | { readonly type: "const"; readonly value: Value }
  | { readonly type: "name"; readonly name: string }
  | { readonly type: "list" | "tuple" | "concat"; readonly items: readonly Expression[] }
  | { readonly type: "dict"; readonly pairs: readonly (readonly [Expression, Expression])[] }
  | { readonly type: "attribute"; readonly object: Expression; readonly name: string }
  | { readonly type: "item"; readonly object: Expression; readonly key: Expression }
  | Slice
  | { readonly type: "call"; readonly callee: Expression; readonly args: Arguments }
  | Filter
  | Test
  | { readonly type: "not" | "negative" | "positive"; readonly operand: Expression }
  | { readonly type: "and" | "or"; readonly left: Expression; readonly right: Expression }
  | Condition
  | Compare
  | Binary;

export interface Slice {
  readonly type: "slice";
  readonly object: Expression;
  readonly bounds: readonly (Expression | null)[];
}
export interface Filter {
  readonly type: "filter";
  /** Null in a block that is filtered. */
  readonly operand: Expression | null;
  readonly name: string;
  readonly args: Arguments;
}
export interface Test {
  readonly type: "test";
  readonly operand: Expression;
  readonly name: string;
  readonly args: Arguments;
}
export interface Condition {
  readonly type: "condition";
  readonly test: Expression;
  readonly chosen: Expression;
  readonly otherwise: Expression | null;
}
export interface Compare {
  readonly type: "compare";
  readonly first: Expression;
  readonly rest: readonly (readonly [Comparison, Expression])[];
}
export interface Binary {
  readonly type: "binary";
  readonly operator: BinaryOperator;
  readonly left: Expression;
  readonly right: Expression;
}

/** What is assigned to: a name, a tuple of such, or an attribute of a namespace. */
export type Target =
  | { readonly type: "name"; readonly name: string }
  | { readonly type: "tuple"; readonly items: readonly Target[] }
  | { readonly type: "namespace"; readonly name: string; readonly attribute: string };

export interface Signature {
  readonly names: readonly string[];
  /** Of the last names. */
  readonly defaults: readonly Expression[];
}

export type Statement =
  | { readonly type: "data"; readonly text: string }
  | { readonly type: "output"; readonly value: Expression }
  | For
  | If
  | { readonly type: "set"; readonly target: Target; readonly value: Expression }
  | SetBlock
  | Macro
  | { readonly type: "call block"; readonly call: Expression; readonly body: Macro }
  | { readonly type: "filter block"; readonly filter: Filter; readonly body: Block }
  | With
  | { readonly type: "generation"; readonly body: Macro }
  | { readonly type: "break" | "continue" };
export type Block = readonly Statement[];

export interface For {
  readonly type: "for";
  readonly target: Target;
  readonly iterable: Expression;
  readonly test: Expression | null;
  readonly isRecursive: boolean;
  readonly body: Block;
  readonly otherwise: Block;
}
export interface If {
  readonly type: "if";
  readonly branches: readonly { readonly test: Expression; readonly body: Block }[];
  readonly otherwise: Block;
}
export interface SetBlock {
  readonly type: "set block";
  readonly target: Target;
  readonly filter: Filter | null;
  readonly body: Block;
}
export interface Macro {
  readonly type: "macro";
  /** Null for the body of a call block. */
  readonly name: string | null;
  readonly signature: Signature;
  readonly body: Block;
}
export interface With {
  readonly type: "with";
  readonly values: readonly (readonly [Target, Expression])[];
  readonly body: Block;
}

/** Whether a name is read somewhere in a part of a template. */
export function readsName(node: unknown, name: string): boolean {
  if (typeof node !== "object" || node === null) return false;
  if ("type" in node && node.type === "name" && "name" in node) return node.name === name;
  return Object.values(node).some((part) => readsName(part, name));
}
