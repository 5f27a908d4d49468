import { join } from "node:path";
import { expect, test } from "vitest";
import { TestProcess } from "../../../support/child-process.ts";

/** What a process says after it has trained with a learner in the main thread or one of its own. */
async function trained(where: "main" | "thread"): Promise<unknown> {
  const program = join(import.meta.dirname, "../../../support/trained-thread.ts");
  const child = new TestProcess(program, [where]);
  await child.ended();
  return JSON.parse(child.stdout);
}

// Members decode and mix in the main thread, where all must come to the same bits.
test("a node's learner leaves the smallest numbers to the main thread, and to the files of adapters", async () => {
  expect(await trained("thread")).toEqual({ before: true, after: true, isSame: true });
});

test("one without a thread of its own takes them from it (control)", async () => {
  expect(await trained("main")).toEqual({ before: true, after: false, isSame: true });
});
