import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { KlatchError } from "../../../../src/errors.ts";
import { answer, fail, pass, unknown } from "../../../../src/node/doctor/check.ts";
import { ROOMS } from "../../../../src/node/doctor/rooms.ts";
import { markdownTable } from "../../../../src/node/view/table.ts";

const entries = ROOMS.flatMap(({ checks }) => checks);

describe("the doctor's checks", () => {
  test("are twenty-five at least, each with a name of its own", () => {
    const names = entries.map(({ name }) => name);

    expect(names.length).toBeGreaterThanOrEqual(25);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9]+(-[a-z]+)*$/);
  });

  test("are listed in docs/OPERATING.md as they are here", () => {
    const rows = ROOMS.flatMap(({ title, checks }) =>
      checks.map(({ name, asks }, place) => [place === 0 ? title : "", `\`${name}\``, `${asks}?`]),
    );

    expect(readFileSync("docs/OPERATING.md", "utf8")).toContain(
      markdownTable(["", "check", "asks"], rows),
    );
  });
});

describe("an answer", () => {
  const asked = (look: Parameters<typeof answer<null>>[0]["look"]) =>
    answer({ name: "moon", look }, null);

  test("has the check's name, and what it is about where there are several", async () => {
    expect(await asked(() => pass("full"))).toEqual([
      { name: "moon", status: "pass", detail: "full", fix: "" },
    ]);
    const several = [
      { ...pass("full"), of: "io" },
      { ...unknown("behind", "wait"), of: "rhea" },
    ];
    expect(await asked(async () => several)).toEqual([
      { name: "moon io", status: "pass", detail: "full", fix: "" },
      { name: "moon rhea", status: "unknown", detail: "behind", fix: "wait" },
    ]);
  });

  test("fails the way its work does, and lets a bug through", async () => {
    const refuse = () => {
      throw new KlatchError("disk", "no room", "make some");
    };
    expect(await asked(refuse)).toEqual([{ name: "moon", ...fail("no room", "make some") }]);

    const slip = () => {
      throw new TypeError("a bug");
    };
    await expect(asked(slip)).rejects.toThrow("a bug");
  });
});
