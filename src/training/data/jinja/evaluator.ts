import { applyFilter, test } from "./filters/filters.ts";
import { checkItems, checkLength, EndlessTemplate, refuse } from "./refusal.ts";
import type { Arguments, Expression, Filter } from "./syntax/nodes.ts";
import { calculate, signed } from "./values/arithmetic.ts";
import { attributeOf, itemOf } from "./values/attributes.ts";
import { compare } from "./values/comparing.ts";
import { print } from "./values/printing.ts";
import { sliceOf } from "./values/sequences.ts";
import {
  type Args,
  Dict,
  isTrue,
  iterate,
  kindOf,
  Thing,
  Tuple,
  Undefined,
  type Value,
} from "./values/values.ts";

/** Names and their values; those of an outer scope are seen, and not changed. */
export class Scope {
  readonly #values = new Map<string, Value>();
  readonly #outer: Scope | null;

  constructor(outer: Scope | null = null) {
    this.#outer = outer;
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  get(name: string): Value {
    const value = this.#values.get(name);
    if (value !== undefined || this.#values.has(name)) return value ?? null;
    return this.#outer ? this.#outer.get(name) : new Undefined();
  }
}

/** Work for one text: what is evaluated, and what is looped over, are counted. */
export class Work {
  #left: number;

  constructor(most: number) {
    this.#left = most;
  }

  spend(amount: number): void {
    this.#left -= amount;
    if (this.#left < 0) throw new EndlessTemplate();
  }
}

type Of<T extends Expression["type"]> = Extract<Expression, { readonly type: T }>;

/** Gives expressions their values, as Python would. */
export class Evaluator {
  readonly #work: Work;

  constructor(work: Work) {
    this.#work = work;
  }

  evaluate(node: Expression, scope: Scope): Value {
    this.#work.spend(1);
    const value = this.#evaluate(node, scope);
    if (typeof value === "string") {
      checkLength(value.length);
      this.#work.spend(value.length / 64_000);
    } else if (Array.isArray(value)) {
      checkItems(value.length);
      this.#work.spend(value.length / 64);
    }
    return value;
  }

  args({ positional, named, list, dict }: Arguments, scope: Scope): Args {
    const values = positional.map((value) => this.evaluate(value, scope));
    if (list) values.push(...iterate(this.evaluate(list, scope)));
    const byName = new Map(named.map(([name, value]) => [name, this.evaluate(value, scope)]));
    if (byName.size < named.length) refuse("an argument is given twice");
    const more = dict ? this.evaluate(dict, scope) : new Dict();
    if (!(more instanceof Dict)) return refuse(`** is used on a ${kindOf(more)}`);
    for (const [name, value] of more.entries()) {
      if (typeof name !== "string" || byName.has(name)) refuse("** gives an argument twice");
      byName.set(String(name), value);
    }
    return { positional: values, named: byName };
  }

  filtered({ operand, name, args }: Filter, scope: Scope, body: Value): Value {
    const value =
      operand === null
        ? body
        : operand.type === "filter"
          ? this.filtered(operand, scope, body)
          : this.evaluate(operand, scope);
    return applyFilter(name, value, this.args(args, scope));
  }

  #evaluate(node: Expression, scope: Scope): Value {
    switch (node.type) {
      case "const":
        return node.value;
      case "name":
        return scope.get(node.name);
      case "list":
        return node.items.map((item) => this.evaluate(item, scope));
      case "tuple":
        return new Tuple(node.items.map((item) => this.evaluate(item, scope)));
      case "dict":
        return new Dict(
          node.pairs.map(([key, value]) => [
            this.evaluate(key, scope),
            this.evaluate(value, scope),
          ]),
        );
      case "concat":
        return this.#concatenated(node.items, scope);
      case "filter":
        return this.filtered(node, scope, null);
      case "test":
        return test(node.name, this.evaluate(node.operand, scope), this.args(node.args, scope));
      case "attribute":
      case "item":
      case "slice":
      case "call":
        return this.#part(node, scope);
      default:
        return this.#operation(node, scope);
    }
  }

  #part(node: Of<"attribute" | "item" | "call"> | Of<"slice">, scope: Scope): Value {
    if (node.type === "call") {
      const callee = this.evaluate(node.callee, scope);
      const args = this.args(node.args, scope);
      if (callee instanceof Thing) return callee.call(args);
      return refuse(`Cannot call something that is not a function: a ${kindOf(callee)}`);
    }
    const object = this.evaluate(node.object, scope);
    switch (node.type) {
      case "attribute":
        return attributeOf(object, node.name);
      case "item":
        return itemOf(object, this.evaluate(node.key, scope));
      case "slice":
        return sliceOf(
          object,
          node.bounds.map((bound) => (bound ? this.evaluate(bound, scope) : undefined)),
        );
    }
  }

  #operation(
    node:
      | Of<"not" | "negative" | "positive">
      | Of<"and" | "or">
      | Of<"condition">
      | Of<"compare">
      | Of<"binary">,
    scope: Scope,
  ): Value {
    const value = (part: Expression) => this.evaluate(part, scope);
    switch (node.type) {
      case "not":
        return !isTrue(value(node.operand));
      case "negative":
        return signed("-", value(node.operand));
      case "positive":
        return signed("+", value(node.operand));
      case "and":
      case "or": {
        const left = value(node.left);
        return isTrue(left) === (node.type === "and") ? value(node.right) : left;
      }
      case "condition":
        if (isTrue(value(node.test))) return value(node.chosen);
        return node.otherwise ? value(node.otherwise) : new Undefined();
      case "compare":
        return this.#compared(node, scope);
      case "binary":
        return calculate(node.operator, value(node.left), value(node.right));
    }
  }

  /** `a < b < c` holds when both hold, and looks at `c` only if the first does. */
  #compared({ first, rest }: Of<"compare">, scope: Scope): boolean {
    let left = this.evaluate(first, scope);
    for (const [operator, operand] of rest) {
      const right = this.evaluate(operand, scope);
      if (!compare(left, operator, right)) return false;
      left = right;
    }
    return true;
  }

  #concatenated(items: readonly Expression[], scope: Scope): string {
    const parts = items.map((item) => print(this.evaluate(item, scope)));
    checkLength(parts.reduce((sum, part) => sum + part.length, 0));
    return parts.join("");
  }
}
