import { PassThrough } from "node:stream";
import { expect, test, vi } from "vitest";
import { RUN_QUESTIONS } from "../../../../src/node/commands/run-questions.ts";
import { answersTo, type Question } from "../../../../src/node/view/questions.ts";

const ENTER = "\r";
const DOWN = "\u001b[B";
const CTRL_C = "\u0003";

const QUESTIONS: readonly Question<"name" | "mode" | "budget">[] = [
  { key: "name", ask: "Name?", check: (answer) => (/^\w+$/.test(answer) ? undefined : "no name") },
  { key: "mode", ask: "Mode?", otherwise: "a", choices: { a: "first", b: "second" } },
  { key: "budget", ask: "Budget?", otherwise: "any" },
];

/** Asks, and types each text once what comes before it stands on the screen. */
async function typed(...keys: readonly (readonly [after: string, text: string])[]) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let screen = "";
  output.on("data", (text) => {
    screen += String(text);
  });
  const answers = answersTo(QUESTIONS, { input, output });
  for (const [after, text] of keys) {
    await vi.waitFor(() => expect(screen).toContain(after), { timeout: 10_000 });
    screen = "";
    input.write(text);
  }
  return { answers: await answers, screen };
}

test("questions are asked one after another, and what is not typed is taken as said", async () => {
  const { answers } = await typed(
    ...([
      ["Name?", `waters${ENTER}`],
      ["Mode?", `${DOWN}${ENTER}`],
      ["Budget?", ENTER],
    ] as const),
  );

  expect(answers).toEqual({ name: "waters", mode: "b", budget: "any" });
});

test("a wrong answer is told at once, and an empty one where something is needed", async () => {
  const { answers } = await typed(
    ...([
      ["Name?", ENTER],
      ["this is needed", `a b${ENTER}`],
      ["no name", `\u007f\u007fc${ENTER}`],
      ["Mode?", ENTER],
      ["Budget?", `64KiB${ENTER}`],
    ] as const),
  );

  expect(answers).toEqual({ name: "ac", mode: "a", budget: "64KiB" });
});

test("Ctrl-C calls all of it off", async () => {
  expect((await typed(["Name?", `waters${ENTER}`], ["Mode?", CTRL_C])).answers).toBeNull();
});

test("what a run is asked for is checked as its flags are", () => {
  const problem = (key: string, answer: string) =>
    RUN_QUESTIONS.find((question) => question.key === key)?.check?.(answer);

  for (const [key, good, bad] of [
    ["name", "waters", "the waters"],
    ["seats", "4", "1"],
    ["data", "package.json, README.md", "package.json,nowhere.jsonl"],
    ["model", "bundled", "/nowhere"],
    ["bytesPerRound", "64KiB", "64 bananas"],
  ] as const) {
    expect(problem(key, good), key).toBeUndefined();
    expect(problem(key, bad), key).toBeTypeOf("string");
  }
});
