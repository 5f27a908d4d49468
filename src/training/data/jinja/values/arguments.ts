import { refuse } from "../refusal.ts";
import { type Args, indexOf, kindOf, type Value } from "./values.ts";

/** The arguments of one call of a function of Python, by their names. */
export class Parameters {
  readonly #function: string;
  readonly #values = new Map<string, Value>();

  /**
   * @param names in the order of the signature; behind "/" all come by place alone
   * @throws TemplateRefusal for arguments that the function does not have
   */
  constructor(functionName: string, args: Args, names: readonly string[]) {
    this.#function = functionName;
    const isByPlace = names[0] === "/";
    const places = isByPlace ? names.slice(1) : names;
    if (args.positional.length > places.length) {
      refuse(`${functionName}() is given more than ${places.length} arguments`);
    }
    for (const [i, value] of args.positional.entries()) this.#values.set(places[i] ?? "", value);
    for (const [name, value] of args.named) {
      if (isByPlace || !names.includes(name) || this.#values.has(name)) {
        refuse(`${functionName}() is given an argument that it does not have`);
      }
      this.#values.set(name, value);
    }
  }

  value(name: string, byDefault?: Value): Value {
    const value = this.#values.has(name) ? this.#values.get(name) : byDefault;
    return value ?? (value === null ? null : refuse(`${this.#function}() lacks an argument`));
  }

  text(name: string, byDefault?: string): string {
    const value = this.value(name, byDefault);
    return typeof value === "string" ? value : this.#wrong(value);
  }

  /** A text that may be left out or be None. */
  maybeText(name: string): string | null {
    return this.value(name, null) === null ? null : this.text(name);
  }

  int(name: string, byDefault?: number): number {
    const value = this.value(name, byDefault === undefined ? undefined : BigInt(byDefault));
    return indexOf(value) ?? this.#wrong(value);
  }

  /** An int that may be left out or be None. */
  maybeInt(name: string): number | null {
    return this.value(name, null) === null ? null : this.int(name);
  }

  #wrong(value: Value): never {
    return refuse(`${this.#function}() is given a ${kindOf(value)}`);
  }
}

export function noArguments(functionName: string, args: Args): void {
  new Parameters(functionName, args, []);
}
