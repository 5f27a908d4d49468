import { KlatchError } from "../../../errors.ts";
import { isMarked, type RowLabel } from "./labels.ts";

/** More classes than this are surely not classes: someone named a column of free text. */
const CLASSES_MAX = 10_000;
const NAME_MAX = 40;

/** A label, and the file and line it came from. */
export interface PlacedLabel {
  readonly label: RowLabel;
  readonly place: string;
}

/** A text with its class or classes. */
export interface LabelledText extends PlacedLabel {
  readonly text: string;
}

/** Numbers by size, everything else by code unit: the same order on every machine. */
function sortedClasses(labels: Iterable<string>): readonly string[] {
  const classes = [...new Set(labels)];
  const areNumbers = classes.every((name) => /^-?\d{1,15}$/.test(name));
  const byUnit = (a: string, b: string) => (a < b ? -1 : Number(a > b));
  // 1 and 01 are one number and two classes.
  if (areNumbers) return classes.sort((a, b) => Number(a) - Number(b) || byUnit(a, b));
  return classes.sort(byUnit);
}

function checkRepeated(classes: readonly string[]): void {
  const repeated = classes.find((name, i) => classes.indexOf(name) !== i);
  if (repeated === undefined) return;
  throw new KlatchError("usage", `the class "${repeated}" is given twice`, "give each class once");
}

function checkCount(classes: number): void {
  if (classes >= 2 && classes <= CLASSES_MAX) return;
  throw new KlatchError(
    "data",
    `a classification tells 2 to ${CLASSES_MAX} classes apart, not ${classes > CLASSES_MAX ? "more" : classes}`,
    "check which column holds the label, e.g. --columns text=question,label=topic",
  );
}

/**
 * The numbers of the classes: of a list that is given, else in the order in which they occur. In the end they are the
 * `usual` ones, if all that occur are among them.
 */
export class Classes {
  readonly #given: readonly string[] | undefined;
  readonly #usual: readonly string[] | undefined;
  readonly #numbers: Map<string, number>;

  constructor(given?: readonly string[], usual?: readonly string[]) {
    if (given) {
      checkRepeated(given);
      checkCount(given.length);
    }
    this.#given = given;
    this.#usual = usual;
    this.#numbers = new Map(given?.map((name, i) => [name, i]));
  }

  /** The number of a row's class, or those of its classes. */
  numbersOf({ label, place }: PlacedLabel): number | readonly number[] {
    if (typeof label === "string") return this.#numberOf(label, place);
    const names = label.areMarks ? this.#marked(label.names, place) : label.names;
    return names.map((name) => this.#numberOf(name, place));
  }

  /** The classes that are marked; where no such classes are known the marks may be the names of two of them. */
  #marked(marks: readonly string[], place: string): readonly string[] {
    const classes = this.#given ?? this.#usual;
    if (classes?.length === marks.length) return classes.filter((_, i) => isMarked(marks[i] ?? ""));
    if (classes !== undefined && marks.every((mark) => classes.includes(mark))) return marks;
    const known =
      classes === undefined ? "and no classes are listed" : `for ${classes.length} classes`;
    throw new KlatchError(
      "data",
      `${place}: its label is a list of ${marks.length} marks, ${known}`,
      "list the classes in the order of the marks (run.classes), or give the names of the row's classes",
    );
  }

  #numberOf(name: string, place: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#given) throw unknownLabel(place, this.#given);
    const { size } = this.#numbers;
    this.#numbers.set(name, size);
    // A column of free text is noticed before all of it is kept.
    if (size === CLASSES_MAX) checkCount(size + 1);
    return size;
  }

  /** The classes in the order of the head's outputs, and where each number stands among them. */
  settle(): { readonly names: readonly string[]; readonly places: readonly number[] } {
    const found = [...this.#numbers.keys()];
    const areUsual = found.every((name) => this.#usual?.includes(name));
    const names = this.#given ?? (areUsual ? this.#usual : undefined) ?? sortedClasses(found);
    checkCount(names.length);
    const placeOf = new Map(names.map((name, i) => [name, i]));
    return { names, places: found.map((name) => placeOf.get(name) ?? 0) };
  }
}

/**
 * A class as a note or an error names it. What is longer than a name may be a row's text, of a column taken for
 * labels.
 */
export function className(name: string, i: number): string {
  return name.length > NAME_MAX ? `class ${i + 1}` : name;
}

function unknownLabel(place: string, classes: readonly string[]): KlatchError {
  const some = classes.slice(0, 10).map(className).join(", ");
  const more = classes.length > 10 ? `, and ${classes.length - 10} more` : "";
  return new KlatchError(
    "data",
    `${place}: its label is none of the ${classes.length} classes (${some}${more})`,
    "correct the row, or add the label to the list of classes",
  );
}

/** The largest classes and the smallest, with how many examples each has. */
export function describeBalance(classes: readonly string[], balance: readonly number[]): string {
  const sorted = classes
    .map((name, i) => ({ name: className(name, i), count: balance[i] ?? 0 }))
    .sort((a, b) => b.count - a.count);
  const show = (part: typeof sorted) =>
    part.map(({ name, count }) => `${name} ${count}`).join(", ");
  const parts =
    sorted.length <= 12 ? [show(sorted)] : [show(sorted.slice(0, 6)), show(sorted.slice(-3))];
  return `${classes.length} classes: ${parts.join(" ... ")}`;
}
