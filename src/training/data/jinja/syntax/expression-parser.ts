import { TemplateSyntaxError } from "../refusal.ts";
import type { Arguments, BinaryOperator, Comparison, Expression, Filter, Target } from "./nodes.ts";
import { CONSTANTS, NO_ARGUMENTS, OperandParser } from "./operand-parser.ts";

const COMPARISONS: readonly string[] = ["==", "!=", "<", "<=", ">", ">="];
/** What may begin the argument of a test that has no parentheses. */
const BEGINS_ARGUMENT: readonly string[] = ["name", "string", "integer", "float", "[", "{"];

/** Expressions with the precedence of Jinja, which is not that of Python: `~` binds closer than `+`. */
export class ExpressionParser extends OperandParser {
  override expression(): Expression {
    let value = this.alternatives();
    while (this.stream.skip("name", "if")) {
      const test = this.alternatives();
      const otherwise = this.stream.skip("name", "else") ? this.expression() : null;
      value = { type: "condition", test, chosen: value, otherwise };
    }
    return value;
  }

  filters(operand: Expression | null): Filter | null {
    let found: Filter | null = null;
    while (this.stream.skip("|")) found = this.filter(found ?? operand);
    return found;
  }

  filter(operand: Expression | null): Filter {
    const name = this.dottedName();
    return { type: "filter", operand, name, args: this.maybeArguments() };
  }

  target(ends: readonly string[] = [], withNamespace = false): Target {
    const items: Target[] = [];
    let isTuple = false;
    while (!this.endsTuple(ends) && !this.stream.is("=")) {
      items.push(this.#targetItem(withNamespace));
      if (!this.stream.skip(",")) break;
      isTuple = true;
    }
    const [only] = items;
    if (only === undefined) throw this.stream.unexpected("a name");
    return isTuple ? { type: "tuple", items } : only;
  }

  #targetItem(withNamespace: boolean): Target {
    if (this.stream.skip("(")) {
      const target = this.target([], withNamespace);
      this.stream.expect(")");
      return target;
    }
    const { value: name, line } = this.stream.expect("name");
    if (CONSTANTS.has(name)) {
      throw new TemplateSyntaxError(`line ${line}: ${name} cannot be assigned to`);
    }
    if (!withNamespace || !this.stream.skip(".")) return { type: "name", name };
    return { type: "namespace", name, attribute: this.stream.expect("name").value };
  }

  override alternatives(): Expression {
    let left = this.#and();
    while (this.stream.skip("name", "or")) left = { type: "or", left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.stream.skip("name", "and")) left = { type: "and", left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    if (this.stream.skip("name", "not")) return { type: "not", operand: this.#not() };
    const first = this.#sum();
    const rest: [Comparison, Expression][] = [];
    for (;;) {
      const operator = this.#comparison();
      if (operator === null) break;
      rest.push([operator, this.#sum()]);
    }
    return rest.length === 0 ? first : { type: "compare", first, rest };
  }

  #comparison(): Comparison | null {
    if (COMPARISONS.includes(this.stream.current.type)) {
      return this.stream.next().type as Comparison;
    }
    if (this.stream.skip("name", "in")) return "in";
    if (!this.stream.is("name", "not") || !this.stream.comes("name", "in")) return null;
    this.stream.next();
    this.stream.next();
    return "not in";
  }

  #sum(): Expression {
    return this.#binary(["+", "-"], () => this.#concatenation());
  }

  #concatenation(): Expression {
    const first = this.#product();
    const items = [first];
    while (this.stream.skip("~")) items.push(this.#product());
    return items.length === 1 ? first : { type: "concat", items };
  }

  #product(): Expression {
    return this.#binary(["*", "/", "//", "%"], () => this.#binary(["**"], () => this.#unary()));
  }

  #binary(operators: readonly string[], operand: () => Expression): Expression {
    let left = operand();
    while (operators.includes(this.stream.current.type)) {
      const operator = this.stream.next().type as BinaryOperator;
      left = { type: "binary", operator, left, right: operand() };
    }
    return left;
  }

  #unary(withFilter = true): Expression {
    let value: Expression;
    if (this.stream.skip("-")) value = { type: "negative", operand: this.#unary(false) };
    else if (this.stream.skip("+")) value = { type: "positive", operand: this.#unary(false) };
    else value = this.primary();
    value = this.postfix(value);
    return withFilter ? this.#filtersAndTests(value) : value;
  }

  #filtersAndTests(operand: Expression): Expression {
    let value = operand;
    for (;;) {
      if (this.stream.skip("|")) value = this.filter(value);
      else if (this.stream.skip("name", "is")) value = this.#test(value);
      else if (this.stream.is("(")) {
        value = { type: "call", callee: value, args: this.arguments() };
      } else return value;
    }
  }

  #test(operand: Expression): Expression {
    const isNegated = this.stream.skip("name", "not");
    const name = this.dottedName();
    const test: Expression = { type: "test", operand, name, args: this.#testArguments() };
    return isNegated ? { type: "not", operand: test } : test;
  }

  #testArguments(): Arguments {
    if (this.stream.is("(")) return this.arguments();
    const { type } = this.stream.current;
    if (!BEGINS_ARGUMENT.includes(type) || this.stream.isName("else", "or", "and")) {
      return NO_ARGUMENTS;
    }
    if (this.stream.isName("is")) throw this.stream.unexpected("no second test");
    return { ...NO_ARGUMENTS, positional: [this.postfix(this.primary())] };
  }
}
