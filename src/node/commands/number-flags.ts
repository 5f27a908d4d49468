import { InvalidArgumentError } from "commander";
import { KlatchError } from "../../errors.ts";

/** A commander parser for a whole number within bounds. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^[0-9]+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}.`);
  };
}

/** A commander parser for a number within bounds. */
export function decimalNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`expected a number from ${least} to ${most}.`);
  };
}

/**
 * The value of a flag that has no default. Checked after the command line as a whole, so that a misspelt flag is
 * named first.
 */
export function required<T>(flag: string, value: T | undefined): T {
  if (value !== undefined) return value;
  throw new KlatchError("usage", `${flag} is missing`, "see the command's --help");
}
