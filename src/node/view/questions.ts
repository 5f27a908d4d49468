import type { Readable, Writable } from "node:stream";

/** Where a person at a terminal types, and the screen before them. */
export interface Keyboard {
  readonly input: Readable & { setRawMode?(isRaw: boolean): unknown };
  readonly output: Writable & { readonly columns?: number; readonly rows?: number };
}

/** Something to ask a person. */
export interface Question<Key extends string = string> {
  readonly key: Key;
  readonly ask: string;
  /** Taken where nothing is typed; without it something must be. */
  readonly otherwise?: string;
  /** Answers to choose from, with what each means; any text without it. */
  readonly choices?: Readonly<Record<string, string>>;
  /** What is wrong with an answer; undefined where nothing is. */
  check?(answer: string): string | undefined;
}

/** Asks one question after another. Null when the person calls it off (Ctrl-C, Escape). */
export async function answersTo<Key extends string>(
  questions: readonly Question<Key>[],
  keyboard: Keyboard,
): Promise<Readonly<Record<Key, string>> | null> {
  const answers: Partial<Record<Key, string>> = {};
  for (const question of questions) {
    const answer = await answerTo(question, keyboard);
    if (answer === null) return null;
    answers[question.key] = answer;
  }
  return answers as Record<Key, string>;
}

/** Asks for a yes; false where it is a no, or called off. */
export async function confirmed(message: string, keyboard: Keyboard): Promise<boolean> {
  const { confirm } = await import("@clack/prompts");
  return (await confirm({ message, ...keyboard })) === true;
}

// --- internal ---

/** The library is loaded when somebody is asked: other commands do without. */
async function answerTo(
  { ask: message, otherwise, choices, check }: Question,
  keyboard: Keyboard,
): Promise<string | null> {
  const { isCancel, select, text } = await import("@clack/prompts");
  const isLacking = (answer: string) => answer === "" && otherwise === undefined;
  const problem = (answer: string) =>
    isLacking(answer) ? "this is needed" : check?.(answer === "" ? (otherwise ?? "") : answer);
  const answer =
    choices === undefined
      ? await text({
          ...{ message, ...keyboard },
          ...(otherwise === undefined ? {} : { defaultValue: otherwise, placeholder: otherwise }),
          validate: (typed = "") => problem(typed.trim()),
        })
      : await select({
          ...{ message, ...keyboard },
          options: Object.entries(choices).map(([value, means]) => ({
            value,
            label: `${value}: ${means}`,
          })),
          ...(otherwise === undefined ? {} : { initialValue: otherwise }),
        });
  return isCancel(answer) ? null : answer.trim();
}
