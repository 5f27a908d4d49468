import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { CellStore, digestOfInputs } from "../../../../testnet/matrix/cell-store.ts";

const folder = mkdtempSync(join(tmpdir(), "klatch-cells-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a cell is run once for all that it depends on, and again where its file is damaged", async () => {
  const runs: number[] = [];
  const get = (depends: object, loss: number) =>
    new CellStore(folder).get(depends, async () => {
      runs.push(loss);
      return { loss, levels: [8, null], opened: null, refused: null, cpuSeconds: 1 };
    });
  const cell = { loss: 1, levels: [8, null], opened: null, refused: null, cpuSeconds: 1 };

  expect(await get({ seed: 1 }, 1)).toEqual(cell);
  expect(await get({ seed: 1 }, 2)).toEqual(cell);
  expect(await get({ seed: 2 }, 3)).toEqual({ ...cell, loss: 3 });
  expect(runs).toEqual([1, 3]);
  for (const name of readdirSync(join(folder, "cells"))) {
    writeFileSync(join(folder, "cells", name), "{");
  }
  expect(await get({ seed: 1 }, 4)).toEqual({ ...cell, loss: 4 });
});

test("the digest of inputs follows their names and bytes", async () => {
  const file = join(folder, "rows.jsonl");
  writeFileSync(file, "one");
  const first = await digestOfInputs([file, "owner/name"]);

  expect(await digestOfInputs([file, "owner/name"])).toBe(first);
  expect(await digestOfInputs([file, "owner/other"])).not.toBe(first);
  writeFileSync(file, "two");
  expect(await digestOfInputs([file, "owner/name"])).not.toBe(first);
});
