import { describe, expect, test } from "vitest";
import type { Misconfiguration } from "./misconfigurations/case.ts";
import { ENCOUNTERS } from "./misconfigurations/encounters.ts";
import { FOLDERS } from "./misconfigurations/folders.ts";
import { LEARNING } from "./misconfigurations/learning.ts";
import { PLACES } from "./misconfigurations/places.ts";
import { SETTINGS } from "./misconfigurations/settings.ts";
import { TICKETS } from "./misconfigurations/tickets.ts";

const ALL: readonly (readonly [string, readonly Misconfiguration[]])[] = [
  ["settings", SETTINGS],
  ["places", PLACES],
  ["machine, folder and keys", FOLDERS],
  ["tickets", TICKETS],
  ["members that are met", ENCOUNTERS],
  ["learning", LEARNING],
];

describe.each(ALL)("of %s", (_, cases) => {
  test.each(cases)("$planted is named by $namedBy, and its fix helps", async (each) => {
    const { say, mend } = await each.plant();

    const said = await say();
    expect(said?.words).toMatch(each.words);
    expect(said?.fix).toMatch(each.fix);
    // one line each
    expect(`${said?.words}${said?.fix}`).not.toContain("\n");

    await mend();
    expect(await say()).toBeNull();
  });
});

test("these are forty at least, each planted once", () => {
  const planted = ALL.flatMap(([, cases]) => cases.map((each) => each.planted));

  expect(new Set(planted).size).toBe(planted.length);
  expect(planted.length).toBeGreaterThanOrEqual(40);
});
