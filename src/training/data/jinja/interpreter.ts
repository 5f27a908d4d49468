import { Evaluator, Scope, type Work } from "./evaluator.ts";
import { type MacroParts, makeMacro } from "./macros.ts";
import { checkLength, refuse } from "./refusal.ts";
import type { Block, Expression, For, Macro, Statement, Target } from "./syntax/nodes.ts";
import { Loop, Namespace } from "./things.ts";
import { print } from "./values/printing.ts";
import { type Args, isTrue, iterate, kindOf, listOf, Thing, type Value } from "./values/values.ts";

/** Where a part of a text stands in it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What was written while a value was a loop's item. */
export interface Passage extends Span {
  readonly item: Value;
}

/** Text as it is written, piece by piece. */
class Output {
  readonly #pieces: string[] = [];
  length = 0;

  write(text: string): void {
    this.length += text.length;
    checkLength(this.length);
    if (text !== "") this.#pieces.push(text);
  }

  text(): string {
    return this.#pieces.join("");
  }
}

const NO_ARGS: Args = { positional: [], named: new Map() };

/** How a block was left before its end. */
type Leave = "break" | "continue" | null;
type Of<T extends Statement["type"]> = Extract<Statement, { readonly type: T }>;

/** Runs a template once. */
export class Interpreter {
  readonly #evaluator: Evaluator;
  readonly #work: Work;
  readonly #whole = new Output();
  readonly generations: Span[] = [];
  readonly passages: Passage[] = [];

  constructor(work: Work) {
    this.#work = work;
    this.#evaluator = new Evaluator(work);
  }

  run(body: Block, globals: Scope): string {
    this.#block(body, new Scope(globals), this.#whole);
    return this.#whole.text();
  }

  #block(body: Block, scope: Scope, output: Output): Leave {
    for (const statement of body) {
      const leave = this.#statement(statement, scope, output);
      if (leave !== null) return leave;
    }
    return null;
  }

  #statement(statement: Statement, scope: Scope, output: Output): Leave {
    this.#work.spend(1);
    switch (statement.type) {
      case "data":
        output.write(statement.text);
        return null;
      case "output":
        output.write(print(this.#evaluator.evaluate(statement.value, scope)));
        return null;
      case "break":
      case "continue":
        return statement.type;
      case "if":
        return this.#if(statement, scope, output);
      case "for":
        this.#for(statement, scope, output, 0);
        return null;
      case "set":
        this.#assign(statement.target, this.#evaluator.evaluate(statement.value, scope), scope);
        return null;
      default:
        this.#scoped(statement, scope, output);
        return null;
    }
  }

  #if({ branches, otherwise }: Of<"if">, scope: Scope, output: Output): Leave {
    const taken = branches.find(({ test }) => isTrue(this.#evaluator.evaluate(test, scope)));
    return this.#block(taken?.body ?? otherwise, scope, output);
  }

  /** Statements whose body has a scope of its own. */
  #scoped(
    statement: Exclude<
      Statement,
      Of<"data" | "output" | "set"> | Of<"if"> | Of<"for"> | Of<"break" | "continue">
    >,
    scope: Scope,
    output: Output,
  ): void {
    switch (statement.type) {
      case "macro":
        scope.set(statement.name ?? "caller", this.#macro(statement, scope));
        return;
      case "with":
        this.#with(statement, scope, output);
        return;
      case "set block": {
        const text = this.#captured(statement.body, new Scope(scope));
        const { filter, target } = statement;
        const value = filter ? this.#evaluator.filtered(filter, scope, text) : text;
        this.#assign(target, value, scope);
        return;
      }
      case "filter block": {
        const inner = new Scope(scope);
        const text = this.#captured(statement.body, inner);
        output.write(print(this.#evaluator.filtered(statement.filter, inner, text)));
        return;
      }
      case "call block":
        output.write(this.#callBlock(statement, scope));
        return;
      case "generation": {
        const text = print(this.#macro(statement.body, scope).call(NO_ARGS));
        // As in transformers: what is written into a macro or a variable has no place in the text yet.
        const start = this.#whole.length;
        this.generations.push({ start, end: start + text.length });
        output.write(text);
      }
    }
  }

  #captured(body: Block, scope: Scope): string {
    const output = new Output();
    if (this.#block(body, scope, output) !== null) refuse("a loop is left from within a block");
    return output.text();
  }

  #with({ values, body }: Of<"with">, scope: Scope, output: Output): void {
    const inner = new Scope(scope);
    // All values are those of the outer scope.
    const given = values.map(
      ([target, value]) => [target, this.#evaluator.evaluate(value, scope)] as const,
    );
    for (const [target, value] of given) this.#assign(target, value, inner);
    if (this.#block(body, inner, output) !== null) refuse("a loop is left from within a block");
  }

  #callBlock({ call, body }: Of<"call block">, scope: Scope): string {
    if (call.type !== "call") return refuse("what is called is no macro");
    const callee = this.#evaluator.evaluate(call.callee, scope);
    const { positional, named } = this.#evaluator.args(call.args, scope);
    const caller = this.#macro(body, scope);
    if (!(callee instanceof Thing)) return refuse(`a ${kindOf(callee)} is called with a block`);
    return print(callee.call({ positional, named: new Map([...named, ["caller", caller]]) }));
  }

  #macro({ name, signature, body }: Macro, scope: Scope): Thing {
    const parts: MacroParts = {
      ...{ name, signature, body },
      evaluate: (value: Expression, inner: Scope) => this.#evaluator.evaluate(value, inner),
      run: (inner: Scope) => this.#captured(body, inner),
    };
    return makeMacro(parts, scope);
  }

  #for(node: For, scope: Scope, output: Output, depth: number, given?: Value): void {
    const all = listOf(given ?? this.#evaluator.evaluate(node.iterable, scope));
    this.#work.spend(all.length);
    const items = node.test === null ? all : all.filter((item) => this.#passes(node, item, scope));
    const recurse = (inner: Value, innerDepth: number) => {
      const captured = new Output();
      this.#for(node, scope, captured, innerDepth, inner);
      return captured.text();
    };
    const loop = new Loop(items, depth, node.isRecursive ? recurse : null);
    // A recursive loop is a function of its own, whose text is written when it is whole.
    const target = node.isRecursive && depth === 0 ? new Output() : output;
    const wasThroughOnce = this.#iterations(node, items, loop, scope, target);
    if (!wasThroughOnce) this.#block(node.otherwise, new Scope(scope), target);
    if (target !== output) output.write(target.text());
  }

  #passes({ target, test }: For, item: Value, scope: Scope): boolean {
    const inner = new Scope(scope);
    this.#assign(target, item, inner);
    return test === null || isTrue(this.#evaluator.evaluate(test, inner));
  }

  /** Whether an iteration came to its end. */
  #iterations(
    node: For,
    items: readonly Value[],
    loop: Loop,
    scope: Scope,
    output: Output,
  ): boolean {
    let wasThroughOnce = false;
    for (const item of items) {
      this.#work.spend(3);
      const inner = new Scope(scope);
      loop.next();
      this.#assign(node.target, item, inner);
      inner.set("loop", loop);
      const start = this.#whole.length;
      const leave = this.#block(node.body, inner, output);
      if (output === this.#whole && this.#whole.length > start) {
        this.passages.push({ item, start, end: this.#whole.length });
      }
      if (leave === "break") break;
      wasThroughOnce ||= leave === null;
    }
    return wasThroughOnce;
  }

  #assign(target: Target, value: Value, scope: Scope): void {
    if (target.type === "name") scope.set(target.name, value);
    else if (target.type === "namespace") {
      const space = scope.get(target.name);
      if (!(space instanceof Namespace)) refuse("an attribute of what is no namespace is set");
      else space.set(target.attribute, value);
    } else this.#unpack(target.items, [...iterate(value)], scope);
  }

  #unpack(targets: readonly Target[], values: readonly Value[], scope: Scope): void {
    if (values.length !== targets.length) refuse("a list is unpacked into more or fewer names");
    for (const [i, target] of targets.entries()) this.#assign(target, values[i] ?? null, scope);
  }
}
