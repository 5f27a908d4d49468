import { refuse } from "./refusal.ts";
import { noArguments, Parameters } from "./values/arguments.ts";
import { equals } from "./values/comparing.ts";
import { represent } from "./values/printing.ts";
import {
  type Args,
  Callable,
  Dict,
  itemsOf,
  iterate,
  kindOf,
  Thing,
  Undefined,
  type Value,
} from "./values/values.ts";

/** The one thing whose parts a template may set. */
export class Namespace extends Thing {
  readonly kind = "Namespace";
  readonly #values = new Map<string, Value>();

  constructor(args: Args) {
    super();
    for (const [name, value] of makeDict(args).entries()) {
      this.set(
        typeof name === "string" ? name : refuse("namespace() with a name that is no text"),
        value,
      );
    }
  }

  override print(): string {
    return `<Namespace ${represent(new Dict(this.#values))}>`;
  }

  override attribute(name: string): Value | undefined {
    return this.#values.get(name);
  }

  set(name: string, value: Value): void {
    if (name.startsWith("_")) refuse("a namespace keeps nothing under a name with an underscore");
    this.#values.set(name, value);
  }
}

/** Python's `dict(...)`. */
export function makeDict({ positional, named }: Args): Dict {
  const [source, ...rest] = positional;
  if (rest.length > 0) return refuse("dict() is given several arguments");
  const entries = source instanceof Dict ? [...source.entries()] : pairsOf(source ?? []);
  return new Dict([...entries, ...named]);
}

/** `loop` in a loop. */
export class Loop extends Thing {
  readonly kind = "LoopContext";
  readonly #items: readonly Value[];
  readonly #depth: number;
  readonly #recurse: ((items: Value, depth: number) => string) | null;
  #index = -1;
  #changed: readonly Value[] | null = null;

  constructor(
    items: readonly Value[],
    depth: number,
    recurse: ((items: Value, depth: number) => string) | null,
  ) {
    super();
    [this.#items, this.#depth, this.#recurse] = [items, depth, recurse];
  }

  next(): void {
    this.#index += 1;
  }

  override print(): string {
    return `<LoopContext ${this.#index + 1}/${this.#items.length}>`;
  }

  override length(): number {
    return this.#items.length;
  }

  override attribute(name: string): Value | undefined {
    const [index, length] = [this.#index, this.#items.length];
    switch (name) {
      case "first":
        return index === 0;
      case "last":
        return index === length - 1;
      case "previtem":
        return this.#items[index - 1] ?? this.#none(index > 0);
      case "nextitem":
        return this.#items[index + 1] ?? this.#none(index < length - 1);
      case "cycle":
        return new Callable(({ positional }) => {
          const item = positional[index % positional.length];
          return item === undefined ? refuse("cycle() of nothing") : item;
        });
      case "changed":
        return new Callable(({ positional }) => this.#hasChanged(positional));
      default:
        return this.#number(name);
    }
  }

  override call(args: Args): Value {
    if (!this.#recurse) return refuse("a loop that is not recursive is called");
    return this.#recurse(new Parameters("loop", args, ["items"]).value("items"), this.#depth + 1);
  }

  #number(name: string): Value | undefined {
    const [index, length] = [this.#index, this.#items.length];
    const numbers: Readonly<Record<string, number>> = {
      ...{
        index: index + 1,
        index0: index,
        revindex: length - index,
        revindex0: length - index - 1,
      },
      ...{ length, depth: this.#depth + 1, depth0: this.#depth },
    };
    const number = Object.hasOwn(numbers, name) ? numbers[name] : undefined;
    return number === undefined ? undefined : BigInt(number);
  }

  #none(isNull: boolean): Value {
    return isNull ? null : new Undefined();
  }

  #hasChanged(values: readonly Value[]): boolean {
    const before = this.#changed;
    this.#changed = values;
    return before === null || !equals(before, values);
  }
}

class Cycler extends Thing {
  readonly kind = "Cycler";
  readonly #items: readonly Value[];
  #at = 0;

  constructor(items: readonly Value[]) {
    super();
    if (items.length === 0) refuse("cycler() of nothing");
    this.#items = items;
  }

  override attribute(name: string): Value | undefined {
    if (name === "current") return this.#items[this.#at];
    if (name !== "next" && name !== "reset") return undefined;
    return new Callable((args) => {
      noArguments(name, args);
      const current = this.#items[this.#at] ?? null;
      this.#at = name === "reset" ? 0 : (this.#at + 1) % this.#items.length;
      return name === "reset" ? null : current;
    });
  }
}

export function makeCycler({ positional }: Args): Value {
  return new Cycler(positional);
}

/** Gives nothing when it is called first, then a separator. */
class Joiner extends Thing {
  readonly kind = "Joiner";
  readonly #separator: Value;
  #isUsed = false;

  constructor(separator: Value) {
    super();
    this.#separator = separator;
  }

  override call(args: Args): Value {
    noArguments("joiner", args);
    const separator = this.#isUsed ? this.#separator : "";
    this.#isUsed = true;
    return separator;
  }
}

export function makeJoiner(args: Args): Value {
  return new Joiner(new Parameters("joiner", args, ["sep"]).value("sep", ", "));
}

// --- internal ---

function pairsOf(source: Value): readonly (readonly [Value, Value])[] {
  return Array.from(iterate(source), (pair) => {
    const [key, value, ...rest] =
      typeof pair === "string" ? Array.from(pair) : (itemsOf(pair) ?? []);
    if (key === undefined || value === undefined || rest.length > 0) {
      return refuse(`dict() of a ${kindOf(pair)} that is no pair`);
    }
    return [key, value];
  });
}
