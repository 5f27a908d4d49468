import { describe, expect, test } from "vitest";
import { readFlatState } from "../../../../src/training/adapters/peft/flat-state.ts";
import { writePeft } from "../../../../src/training/adapters/peft/peft-writer.ts";
import { extendedLayout, makeLayout } from "../../../../src/training/layout/slots.ts";
import type { AdapterLayout } from "../../../../src/types.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

// in another order than the names', as layers are
const plain = makeLayout([
  ["layer.2", [2, 2]],
  ["layer.10", [2, 2]],
]);
const slots = [{ name: "head", shape: [3, 2], offset: plain.length }];
const headed = extendedLayout(plain, slots, {
  before: ["mean", ["news", "sport"]],
  after: ["many"],
});

async function written(layout: AdapterLayout): Promise<[string, Float32Array]> {
  const folder = temporaryFolder();
  const values = Float32Array.from({ length: layout.length }, (_, i) => (i + 1) / 3);
  const about = { config: {}, baseModel: "base", baseDigest: "a".repeat(64) };
  await writePeft(folder, { ...about, layout, values, format: "text" });
  return [folder, values];
}

describe("the flat state behind a folder", () => {
  test.each([
    ["tensors", plain],
    ["tensors and a head", headed],
  ])("of %s is the one that was written, to the bit", async (_, layout) => {
    const [folder, values] = await written(layout);

    expect(await readFlatState(folder, layout.texts ?? [], layout.digest)).toEqual(values);
  });

  test("is not read by a layout of another order or of fewer tensors", async () => {
    const [folder] = await written(headed);
    const turned = makeLayout(
      plain.tensors.map(({ name, shape }) => [name, shape] as const).reverse(),
    );
    const read = (texts: readonly string[] = [], digest = headed.digest) =>
      readFlatState(folder, texts, digest);

    await expect(read(turned.texts)).rejects.toThrow("not the one of the run");
    await expect(read([...(turned.texts ?? []), ...(headed.texts ?? []).slice(1)])).rejects.toThrow(
      "not the one of the run",
    );
    await expect(read(headed.texts, plain.digest)).rejects.toThrow("not the one of the run");
    await expect(read(plain.texts, plain.digest)).rejects.toThrow("tensors that the run has not");
    await expect(read([])).rejects.toThrow("not the one of the run");
  });
});
