import type { Row } from "../rows/row.ts";

/** What happens to rows and turns besides being read as they stand; each sentence follows a number. */
export const REMARKS = {
  unwantedLabel: "rows are left out: their label marks them as unwanted",
  unwantedTag: "rows are left out: their kto_tag marks them as unwanted",
  chatAlone:
    "rows are written as conversations, unlike the first ones: they have turns, or a system text",
  noAnswer: "conversations hold no answer to learn",
  context: "turns are marked as not to be learned: they are context alone",
  inPart: "turns are marked in part (train_detail): they are context alone",
  oddWeight: "turns have a weight other than 0 and 1, which counts as 1",
  notAssistant:
    "turns of others than the assistant are marked to be learned: they are context alone",
  oddRole:
    "turns are of a role other than system, user, assistant and tool, which is left as it is",
  oddCall: "calls of a function are not JSON with a name: they are learned as text",
} as const;
export type Remark = keyof typeof REMARKS;

/** Names as people give them to columns; an object's keys may be data of people instead. */
const NAME = /^([A-Za-z_][A-Za-z_.-]{0,39}\d{0,2}_{0,2}|Unnamed: \d{1,2})$/;
const NAMES_MAX = 100;

/** Counts what happened to the rows of a data set, and remembers the columns that nothing was made of. */
export class RowTally {
  readonly #counts = new Map<Remark, number>();
  readonly #aside = new Set<string>();
  readonly #said: string[] = [];

  add(remark: Remark, times = 1): void {
    if (times > 0) this.#counts.set(remark, (this.#counts.get(remark) ?? 0) + times);
  }

  /** Remembers the columns of a row that hold something and are none of `used`. */
  leaveAside({ fields }: Row, used: ReadonlySet<string>): void {
    for (const name in fields) {
      if (used.has(name) || this.#aside.has(name) || isNothing(fields[name])) continue;
      this.#aside.add(name);
    }
  }

  nameAside(column: string): void {
    this.#aside.add(column);
  }

  /** Takes down a sentence about the files; null for none. */
  say(sentence: string | null): void {
    if (sentence !== null) this.#said.push(sentence);
  }

  /** One sentence each, without a word of any row. */
  get notes(): readonly string[] {
    const counted = [...this.#counts].map(([remark, count]) => `${count} ${REMARKS[remark]}`);
    const aside = this.#aside.size === 0 ? [] : [this.#namesAside()];
    return [...this.#said, ...counted, ...aside];
  }

  #namesAside(): string {
    const named = [...this.#aside].filter((name) => NAME.test(name)).slice(0, NAMES_MAX);
    const more = this.#aside.size - named.length;
    const rest = more > 0 ? [`${more} ${named.length > 0 ? "more" : "columns"}`] : [];
    return `left aside: ${[...named, ...rest].join(", ")}`;
  }
}

/** Whether a value leaves nothing to be used. */
export function isNothing(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return true;
  return Array.isArray(value) && value.length === 0;
}
