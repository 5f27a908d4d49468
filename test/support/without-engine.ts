/** For files that share their worker: none may leave it to the next one changed by an engine. */
import { afterAll } from "vitest";
import { keepsSmallestNumbers } from "./smallest-number.ts";

afterAll(() => {
  if (keepsSmallestNumbers()) return;
  throw new Error(
    "an engine ran in this process, where others now lose the smallest numbers: its test belongs in test/unit/training",
  );
});
