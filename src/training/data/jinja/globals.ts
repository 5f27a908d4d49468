import { refuse, TemplateException } from "./refusal.ts";
import { makeCycler, makeDict, makeJoiner, Namespace } from "./things.ts";
import { Parameters } from "./values/arguments.ts";
import { print } from "./values/printing.ts";
import { Range } from "./values/sequences.ts";
import { type Args, Callable, indexOf, Thing, type Value } from "./values/values.ts";

/**
 * One day for all, a Wednesday at midnight: today's would give a text other tokens tomorrow, and in another country.
 */
const DAY: Readonly<Record<string, string>> = {
  ...{ Y: "2025", y: "25", m: "01", B: "January", b: "Jan", h: "Jan", d: "01", e: " 1", j: "001" },
  ...{ A: "Wednesday", a: "Wed", u: "3", w: "3", H: "00", I: "12", p: "AM", M: "00", S: "00" },
  ...{ f: "000000", z: "", Z: "", F: "2025-01-01", T: "00:00:00", R: "00:00", D: "01/01/25" },
  ...{ "-d": "1", "-m": "1", "-j": "1", "-H": "0", "-I": "12", "-M": "0", "-S": "0", "%": "%" },
};

/** The template itself, which has no blocks to be asked for. */
class Self extends Thing {
  readonly kind = "TemplateReference";

  override print(): string {
    return "<TemplateReference None>";
  }
}

/** What templates find besides the conversation. */
export const GLOBALS: Readonly<Record<string, Value>> = {
  range: new Callable(range),
  dict: new Callable(makeDict),
  namespace: new Callable((args) => new Namespace(args)),
  cycler: new Callable(makeCycler),
  joiner: new Callable(makeJoiner),
  self: new Self(),
  lipsum: new Callable(() => refuse("lipsum(), which is made by chance")),
  raise_exception: new Callable((args) => {
    const message = new Parameters("raise_exception", args, ["message"]).value("message");
    throw new TemplateException(print(message));
  }),
  strftime_now: new Callable((args) => {
    const format = new Parameters("strftime_now", args, ["format"]).text("format");
    return format.replace(/%(-?[\s\S])?/g, (_, code: string | undefined) => {
      return DAY[code ?? ""] ?? refuse("strftime_now() in a form that is not known here");
    });
  }),
};

// --- internal ---

function range({ positional, named }: Args): Value {
  if (named.size > 0 || positional.length < 1 || positional.length > 3) {
    return refuse("range() takes whole numbers");
  }
  const [first = 0, second, step = 1] = positional.map((value) => {
    const number = indexOf(value) ?? refuse("range() takes whole numbers");
    return Number.isSafeInteger(number) ? number : refuse("range() of numbers beyond 2**53");
  });
  return second === undefined ? new Range(0, first, step) : new Range(first, second, step);
}
