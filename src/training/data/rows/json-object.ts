/** An object of a data file with names that JavaScript would put first: to it `{"b": 1, "7": 2}` begins with 7. */
export class JsonObject {
  /** In the order of the file. */
  readonly entries: ReadonlyMap<string, unknown>;

  constructor(entries: ReadonlyMap<string, unknown>) {
    this.entries = entries;
  }

  /** In a row that is compared or kept as JSON. */
  toJSON(): unknown {
    return [...this.entries];
  }
}

/** The same as an object of JavaScript, for what is asked for by name: columns of a row, fields of a message. */
export function withColumns(value: unknown): unknown {
  return value instanceof JsonObject ? Object.fromEntries(value.entries) : value;
}

/** The same of a list's items. */
export function itemsWithColumns(value: unknown): unknown {
  return Array.isArray(value) ? value.map(withColumns) : value;
}
