import assert from "node:assert/strict";
import { Environment, Interpreter, type Template } from "@huggingface/jinja";
import { KlatchError } from "../../../errors.ts";

/** Work for one text, some seconds of it: a conversation of a thousand turns takes a tenth of this. */
const WORK_MAX = 2_000_000;
/** Work of an item that is looped over, its scope and `loop` variable, in evaluated expressions. */
const ITEM_WORK = 4;
/** The longest list and the longest text that a template may make. */
const ITEMS_MAX = 1_000_000;
const CHARACTERS_MAX = 64 << 20;

/** What a template raises, in words that it may have put together from those of a conversation. */
export class TemplateException extends Error {}

/**
 * Renders a Jinja template as `Template.render` does, but not for ever. A template comes with a model from anywhere.
 * Loops and ranges in it may be nested as deep as it likes, and rendering blocks the thread.
 *
 * @throws KlatchError `incompatible` when a template makes too much, and what the template raises
 */
export function renderBounded(
  template: Template,
  items: Readonly<Record<string, unknown>>,
  workMax = WORK_MAX,
): string {
  const scope = new Scope();
  for (const [name, value] of Object.entries({ ...GLOBALS, ...items })) scope.set(name, value);
  const { value } = new BoundedInterpreter(scope, workMax).run(template.parsed);
  assert(typeof value === "string", "a template gives text");
  return value;
}

// --- internal ---

/** One day for all, a Wednesday: today's would give a text other tokens tomorrow, and in another country. */
const DAY: Readonly<Record<string, string>> = {
  ...{ "%Y": "2025", "%y": "25", "%m": "01", "%B": "January", "%b": "Jan" },
  ...{ "%d": "01", "%A": "Wednesday", "%a": "Wed", "%H": "00", "%M": "00", "%S": "00", "%%": "%" },
};

/** What templates find besides the conversation; the library does not export its own. */
const GLOBALS: Readonly<Record<string, unknown>> = {
  ...{ true: true, True: true, false: false, False: false, none: null, None: null },
  range: boundedRange,
  raise_exception(message: unknown) {
    throw new TemplateException(String(message));
  },
  strftime_now: (format: string) => format.replace(/%./g, (code) => DAY[code] ?? code),
};

/** Python's range. */
function boundedRange(first: number, second?: number, step = 1): readonly number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (Number.isNaN(length) || step === 0) throw new Error("range() takes whole numbers");
  if (length > ITEMS_MAX) throw endless();
  return Array.from({ length }, (_, i) => start + i * step);
}

// The library's declarations of these two name modules without their extension, so that TypeScript finds nothing.
interface Scope {
  set(name: string, value: unknown): unknown;
}
interface Statement {
  readonly type: string;
  readonly iterable?: { readonly lhs?: object };
}
interface RuntimeValue {
  readonly value: unknown;
}
declare class BaseInterpreter {
  constructor(scope: Scope);
  run(program: unknown): RuntimeValue;
  evaluate(statement: Statement | undefined, scope: Scope): RuntimeValue;
}
const Scope = Environment as unknown as new () => Scope;

/** Counts what is evaluated; what is looped over counts item by item, for a loop's body may be empty. */
class BoundedInterpreter extends (Interpreter as unknown as typeof BaseInterpreter) {
  readonly #loopedOver = new WeakSet<object>();
  readonly #workMax: number;
  #work = 0;

  constructor(scope: Scope, workMax: number) {
    super(scope);
    this.#workMax = workMax;
  }

  override evaluate(statement: Statement | undefined, scope: Scope): RuntimeValue {
    if (statement?.type === "For" && statement.iterable) {
      this.#loopedOver.add(statement.iterable);
      if (statement.iterable.lhs) this.#loopedOver.add(statement.iterable.lhs);
    }
    const result = super.evaluate(statement, scope);
    const size = sizeOf(result);
    const isLoopedOver = statement !== undefined && this.#loopedOver.has(statement);
    this.#work += 1 + size * (isLoopedOver ? ITEM_WORK : 1 / 64);
    if (this.#work > this.#workMax) throw endless();
    return result;
  }
}

/** Items of a list, or thousands of characters of a text. */
function sizeOf({ value }: RuntimeValue): number {
  if (Array.isArray(value)) {
    if (value.length > ITEMS_MAX) throw endless();
    return value.length;
  }
  if (typeof value !== "string") return 0;
  if (value.length > CHARACTERS_MAX) throw endless();
  return value.length / 1000;
}

function endless(): KlatchError {
  return new KlatchError(
    "incompatible",
    "the chat template makes too much of one conversation, as one that loops without end does",
    "correct chat_template.jinja (or chat_template in tokenizer_config.json), or remove it",
  );
}
