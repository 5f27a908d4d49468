import type { Arguments, Expression, Signature } from "./nodes.ts";
import type { TokenStream } from "./token-stream.ts";

export const CONSTANTS = new Map<string, boolean | null>([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", null],
  ["None", null],
]);
export const NO_ARGUMENTS: Arguments = { positional: [], named: [], list: null, dict: null };

interface MutableArguments extends Arguments {
  readonly positional: Expression[];
  readonly named: [string, Expression][];
  list: Expression | null;
  dict: Expression | null;
}

/** Literals, names, and what is written behind an operand: attributes, items and calls. */
export abstract class OperandParser {
  readonly stream: TokenStream;

  constructor(stream: TokenStream) {
    this.stream = stream;
  }

  abstract expression(): Expression;
  /** An expression without `if`. */
  abstract alternatives(): Expression;

  /** An expression, or several with commas: a tuple. */
  tuple(withCondition = true, ends: readonly string[] = [], isInParentheses = false): Expression {
    const items: Expression[] = [];
    let isTuple = false;
    while (!this.endsTuple(ends)) {
      items.push(withCondition ? this.expression() : this.alternatives());
      if (!this.stream.skip(",")) break;
      isTuple = true;
    }
    const [only] = items;
    if (only !== undefined && !isTuple) return only;
    if (only === undefined && !isInParentheses) throw this.stream.unexpected("an expression");
    return { type: "tuple", items };
  }

  signature(): Signature {
    const names: string[] = [];
    const defaults: Expression[] = [];
    this.stream.expect("(");
    while (!this.stream.is(")")) {
      if (names.length > 0) this.stream.expect(",");
      names.push(this.stream.expect("name").value);
      if (this.stream.skip("=")) defaults.push(this.expression());
      else if (defaults.length > 0) throw this.stream.unexpected("a default");
    }
    this.stream.expect(")");
    return { names, defaults };
  }

  endsTuple(ends: readonly string[]): boolean {
    const { type } = this.stream.current;
    return ["variable_end", "block_end", ")"].includes(type) || this.stream.isName(...ends);
  }

  postfix(operand: Expression): Expression {
    let value = operand;
    for (;;) {
      if (this.stream.skip(".")) value = this.#attribute(value);
      else if (this.stream.skip("[")) value = this.#item(value);
      else if (this.stream.is("(")) {
        value = { type: "call", callee: value, args: this.arguments() };
      } else return value;
    }
  }

  #attribute(object: Expression): Expression {
    const { type, value } = this.stream.next();
    if (type === "name") return { type: "attribute", object, name: value };
    if (type !== "integer") throw this.stream.unexpected("a name or a number");
    return { type: "item", object, key: { type: "const", value: BigInt(value) } };
  }

  #item(object: Expression): Expression {
    const keys: Expression[] = [];
    while (!this.stream.is("]")) {
      if (keys.length > 0) this.stream.expect(",");
      if (keys.length === 0) {
        const bounds = this.#bounds();
        if (bounds.length > 1) {
          this.stream.expect("]");
          return { type: "slice", object, bounds };
        }
        keys.push(...bounds.filter((bound) => bound !== null));
      } else keys.push(this.expression());
    }
    this.stream.expect("]");
    const [only] = keys;
    if (only !== undefined && keys.length === 1) return { type: "item", object, key: only };
    return { type: "item", object, key: { type: "tuple", items: keys } };
  }

  /** One expression, or the bounds of a slice with null for those left out. */
  #bounds(): readonly (Expression | null)[] {
    const bounds: (Expression | null)[] = [this.stream.is(":") ? null : this.expression()];
    while (bounds.length < 3 && this.stream.skip(":")) {
      const isLeftOut = [":", "]", ","].includes(this.stream.current.type);
      bounds.push(isLeftOut ? null : this.expression());
    }
    return bounds;
  }

  primary(): Expression {
    const { type, value } = this.stream.current;
    switch (type) {
      case "name":
        this.stream.next();
        return CONSTANTS.has(value)
          ? { type: "const", value: CONSTANTS.get(value) ?? null }
          : { type: "name", name: value };
      case "string":
        return { type: "const", value: this.#strings() };
      case "integer":
        return { type: "const", value: BigInt(this.stream.next().value) };
      case "float":
        return { type: "const", value: Number(this.stream.next().value) };
      case "(":
        return this.#inParentheses();
      case "[":
        return this.#list();
      case "{":
        return this.#dict();
      default:
        throw this.stream.unexpected("an expression");
    }
  }

  #strings(): string {
    let text = "";
    while (this.stream.is("string")) text += this.stream.next().value;
    return text;
  }

  #inParentheses(): Expression {
    this.stream.expect("(");
    const value = this.tuple(true, [], true);
    this.stream.expect(")");
    return value;
  }

  #list(): Expression {
    const items: Expression[] = [];
    this.stream.expect("[");
    while (!this.stream.is("]")) {
      items.push(this.expression());
      if (!this.stream.skip(",")) break;
    }
    this.stream.expect("]");
    return { type: "list", items };
  }

  #dict(): Expression {
    const pairs: [Expression, Expression][] = [];
    this.stream.expect("{");
    while (!this.stream.is("}")) {
      const key = this.expression();
      this.stream.expect(":");
      pairs.push([key, this.expression()]);
      if (!this.stream.skip(",")) break;
    }
    this.stream.expect("}");
    return { type: "dict", pairs };
  }

  dottedName(): string {
    let { value: name } = this.stream.expect("name");
    while (this.stream.skip(".")) name += `.${this.stream.expect("name").value}`;
    return name;
  }

  maybeArguments(): Arguments {
    return this.stream.is("(") ? this.arguments() : NO_ARGUMENTS;
  }

  arguments(): Arguments {
    const args: MutableArguments = { positional: [], named: [], list: null, dict: null };
    this.stream.expect("(");
    while (!this.stream.is(")")) {
      if (args.dict) throw this.stream.unexpected(")");
      this.#argument(args);
      if (!this.stream.skip(",")) break;
    }
    this.stream.expect(")");
    return args;
  }

  #argument(args: MutableArguments): void {
    if (!args.list && this.stream.skip("*")) args.list = this.expression();
    else if (this.stream.skip("**")) args.dict = this.expression();
    else if (this.stream.is("name") && this.stream.comes("=")) {
      const name = this.stream.next().value;
      this.stream.expect("=");
      args.named.push([name, this.expression()]);
    } else if (args.list || args.named.length > 0) throw this.stream.unexpected("a named argument");
    else args.positional.push(this.expression());
  }
}
