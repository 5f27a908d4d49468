import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { throughFolder } from "../../../../testnet/processes/collusion-folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "klatch-collusion-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test("attackers tell one another what they trained, and keep no more than two rounds", async () => {
  const folder = join(scratch, "two");
  const [first, second] = [throughFolder(folder, 0, 2), throughFolder(folder, 1, 2)];
  for (const round of [0, 1, 2, 3]) {
    const own = [Float32Array.of(round, 1), Float32Array.of(round, -2)] as const;
    const known = await Promise.all([first(round, own[0]), second(round, own[1])]);

    expect(known).toEqual([own, own]);
  }
  expect(readdirSync(folder).sort()).toEqual(["2-0.f32", "2-1.f32", "3-0.f32", "3-1.f32"]);
});

test("what is no update of that length is passed over", async () => {
  const folder = join(scratch, "damaged");
  const first = throughFolder(folder, 0, 2);
  writeFileSync(join(folder, "7-1.f32"), "no floats");

  expect(await first(7, Float32Array.of(3, 4))).toEqual([Float32Array.of(3, 4)]);
});
