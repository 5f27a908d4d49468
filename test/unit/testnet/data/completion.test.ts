import { expect, test } from "vitest";
import { completionOf, labelOf, withCompletion } from "../../../../testnet/data/completion.ts";

test.each([
  [{ prompt: "p", completion: "yes" }, {}],
  [
    { q: "p", a: "yes" },
    { prompt: "q", completion: "a" },
  ],
  [{ text: "t", label: "yes" }, {}],
  [{ text: "t", topic: "yes" }, { label: "topic" }],
  [{ instruction: "i", input: "", output: "yes" }, {}],
  [
    { task: "i", answer: "yes" },
    { instruction: "task", output: "answer" },
  ],
  [{ messages: [{ role: "assistant", content: "yes" }] }, {}],
])("the answer of %j with %j is found and can be replaced", (row, columns) => {
  expect(completionOf(row, columns)).toBe("yes");
  expect(completionOf(withCompletion(row, "no", columns), columns)).toBe("no");
});

test("a row without an answer is not repeated in the error", () => {
  const read = () => labelOf({ text: "the patient is Ann" }, {});

  expect(read).toThrow("neither a label nor a completion");
  expect(read).not.toThrow("Ann");
});
