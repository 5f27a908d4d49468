import { z } from "zod";

/** How parts of one kind are made, by the type that tokenizer.json names. */
export type Kinds<T> = Readonly<Record<string, (config: unknown) => T>>;

const typed = z.object({ type: z.string() });

/**
 * Makes one part of a tokenizer.
 *
 * @param what the kind of part, for errors
 * @throws Error that names the part, and the setting where one is not known
 */
export function makePart<T>(what: string, kinds: Kinds<T>, config: unknown): T {
  const { type } = typed.parse(config);
  const make = Object.hasOwn(kinds, type) ? kinds[type] : undefined;
  if (make === undefined) throw new Error(`the ${what} ${type} is not known`);
  try {
    return make(config);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const [issue] = error.issues;
    const where = issue?.path.length ? ` ${issue.path.join(".")}` : "";
    throw new Error(`the ${what} ${type}:${where} ${issue?.message ?? "is not as expected"}`);
  }
}
