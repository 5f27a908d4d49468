declare global {
  // ECMAScript's "JSON.parse source text access", which TypeScript's library does not declare yet.
  interface JSON {
    rawJSON(text: string): object;
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
  }
}

/** Parses JSON whose numbers `JSON.stringify` gives back as they were written: 30.0 stays 30.0. */
export function parseAsWritten(text: string): unknown {
  return JSON.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined ? JSON.rawJSON(source) : value,
  );
}

/** The text of a JSON object with some fields set; transformers takes 30.0 for a float and refuses 30. */
export function setFields(text: string, fields: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ ...(parseAsWritten(text) as object), ...fields }, null, 2)}\n`;
}
