import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { REFERENCES } from "../../../scripts/references/references.ts";

test("documents that are made from the code say what the code has (node scripts/references.ts)", async () => {
  const made = await REFERENCES();
  expect(Object.keys(made)).toHaveLength(5);
  for (const [name, text] of Object.entries(made)) {
    const file = fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));
    expect(readFileSync(file, "utf8"), name).toBe(text);
  }
});
