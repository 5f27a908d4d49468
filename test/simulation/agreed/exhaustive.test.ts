import { expect, test } from "vitest";
import { explore, TURNS } from "../../support/agreed-states/explore.ts";

// one place of the liar in the turns here; scripts/agreement-states.ts goes through all four
test("every state of one height of four members, two views and one liar is safe, and final soon after healing", () => {
  const [, turns] = TURNS;
  const { bad, states, views } = explore({ turns, healing: true });

  expect(bad).toBeNull();
  expect(states).toBe(94_969);
  expect(Math.max(...views.keys())).toBe(3);
}, 120_000);
