import { Scope } from "./evaluator.ts";
import { refuse } from "./refusal.ts";
import { type Block, type Expression, readsName, type Signature } from "./syntax/nodes.ts";
import { represent } from "./values/printing.ts";
import { type Args, Dict, Thing, Tuple, Undefined, type Value } from "./values/values.ts";

/** A macro, or the block of a call, with what runs it. */
export interface MacroParts {
  readonly name: string | null;
  readonly signature: Signature;
  readonly body: Block;
  readonly evaluate: (value: Expression, scope: Scope) => Value;
  readonly run: (scope: Scope) => string;
}

/** A macro that sees the names of the scope in which it stands. */
export function makeMacro(parts: MacroParts, scope: Scope): Thing {
  return new MacroValue(parts, scope);
}

// --- internal ---

class MacroValue extends Thing {
  readonly kind = "Macro";
  readonly #parts: MacroParts;
  readonly #outer: Scope;

  constructor(parts: MacroParts, outer: Scope) {
    super();
    [this.#parts, this.#outer] = [parts, outer];
  }

  override print(): string {
    const { name } = this.#parts;
    return `<Macro ${name === null ? "anonymous" : represent(name)}>`;
  }

  override attribute(name: string): Value | undefined {
    const { signature } = this.#parts;
    switch (name) {
      case "name":
        return this.#parts.name;
      case "arguments":
        return new Tuple(signature.names);
      case "catch_kwargs":
        return this.#reads("kwargs");
      case "catch_varargs":
        return this.#reads("varargs");
      case "caller":
        return this.#reads("caller");
      default:
        return undefined;
    }
  }

  override call({ positional, named }: Args): Value {
    const { signature, evaluate, run } = this.#parts;
    const scope = new Scope(this.#outer);
    const byName = new Map(named);
    const missing: [name: string, at: number][] = [];
    for (const [at, name] of signature.names.entries()) {
      const value = positional[at] ?? (at < positional.length ? null : take(byName, name));
      if (value === undefined) missing.push([name, at - signature.names.length]);
      scope.set(name, value ?? (value === undefined ? new Undefined() : null));
    }
    this.#special(scope, byName, positional.slice(signature.names.length));
    for (const [name, at] of missing) {
      const byDefault = signature.defaults.at(at);
      const hasDefault = -at <= signature.defaults.length && byDefault !== undefined;
      scope.set(name, hasDefault ? evaluate(byDefault, scope) : new Undefined());
    }
    return run(scope);
  }

  /** Arguments beyond those of the signature go to the names that the body reads for them. */
  #special(scope: Scope, named: Map<string, Value>, more: readonly Value[]): void {
    if (this.#reads("caller")) scope.set("caller", take(named, "caller") ?? new Undefined());
    if (this.#reads("kwargs")) scope.set("kwargs", new Dict(named));
    else if (named.size > 0) refuse("a macro is given an argument that it does not have");
    if (this.#reads("varargs")) scope.set("varargs", new Tuple(more));
    else if (more.length > 0) refuse("a macro is given more arguments than it has");
  }

  #reads(name: string): boolean {
    const { signature, body } = this.#parts;
    return !signature.names.includes(name) && readsName(body, name);
  }
}

function take(named: Map<string, Value>, name: string): Value | undefined {
  const value = named.get(name);
  named.delete(name);
  return value;
}
