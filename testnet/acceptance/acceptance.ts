/** Something that an implementation must do: a sentence, and what rejects with an AssertionError where it does not. */
export interface AcceptanceCase {
  readonly name: string;
  run(): Promise<void>;
}

/** Cases by their sentences, each tried on a subject of its own that is done away with after it. */
export function acceptanceOf<Subject extends { end(): Promise<void> }>(
  cases: Readonly<Record<string, (subject: Subject) => Promise<void> | void>>,
  make: () => Promise<Subject> | Subject,
): readonly AcceptanceCase[] {
  return Object.entries(cases).map(([name, attempt]) => ({
    name,
    async run() {
      const subject = await make();
      try {
        await attempt(subject);
      } finally {
        await subject.end();
      }
    },
  }));
}
