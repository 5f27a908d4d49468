import {
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { KlatchError } from "../../../../src/errors.ts";
import {
  checkAdapterFolder,
  checkModelFolder,
  checkOutFolder,
} from "../../../../src/node/folders/out-folder.ts";
import { runCommand } from "../../../support/command-line.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

/** What a check says of a folder; null when it will do. */
function verdict(folder: string, bytes?: number): KlatchError | null {
  try {
    checkOutFolder(folder, bytes);
    return null;
  } catch (error) {
    if (error instanceof KlatchError) return error;
    throw error;
  }
}

function file(): string {
  const path = join(temporaryFolder(), "file");
  writeFileSync(path, "kept");
  return path;
}

describe("a folder for a result", () => {
  test("a new one will do, and nothing of the check stays", () => {
    const parent = temporaryFolder();

    expect(verdict(join(parent, "a", "b"))).toBeNull();
    expect(readdirSync(parent)).toEqual([]);
  });

  test("one that exists will do, with what is in it", () => {
    const folder = join(temporaryFolder(), "out");
    mkdirSync(folder);
    writeFileSync(join(folder, "klatch.json"), "{}");

    expect(verdict(folder)).toBeNull();
    expect(readdirSync(folder)).toEqual(["klatch.json"]);
  });

  test.each(["", "below"])("a file will not do, nor a folder in it (%j)", (name) => {
    expect(verdict(join(file(), name))?.code).toBe("usage");
  });

  test.skipIf(!existsSync("/proc/self"))("one that can never be made is told at once", () => {
    expect(verdict("/proc/klatch/out")?.code).toBe("disk");
  });

  test("a disk without room for the result is refused with both sizes", () => {
    const folder = join(temporaryFolder(), "out");

    expect(verdict(folder, 2 ** 60)).toMatchObject({
      code: "disk",
      message: expect.stringMatching(/has .* left, and the result takes 1048576 TiB/),
    });
    expect(existsSync(folder)).toBe(false);
  });
});

describe("commands with a folder for their result", () => {
  test.each([
    ["train", "--model", "/nowhere", "--data", "x.jsonl", "--out"],
    ["export", "--model", "/nowhere", "--out"],
    ["testnet", "run", "--model", "/nowhere", "--data", "x.jsonl", "--report"],
    ["testnet", "run", "--model", "/nowhere", "--data", "x.jsonl", "--folder"],
  ])("%s %s refuses a file before it looks at anything else", async (...args) => {
    const { code, stderr } = await runCommand([...args, file()]);

    expect(stderr).toContain("cannot be a folder");
    expect(stderr).not.toContain("    at ");
    expect(code).toBe(2);
  });

  test.each([
    ["train", "--model", "/nowhere", "--data", "x.jsonl", "--out"],
    ["export", "--model", "/nowhere", "--out"],
  ])("%s puts no adapter among the files of a model", async (...args) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "config.json"), "{}");

    const { code, stderr } = await runCommand([...args, folder]);

    expect(stderr).toContain(`${folder} holds a model`);
    expect(code).toBe(2);
  });

  test.each([
    ["train", "--model", "/nowhere", "--data", "x.jsonl", "--out"],
    ["train", "--model", "/nowhere", "--data", "x.jsonl", "--force", "--out"],
    ["export", "--model", "/nowhere", "--out"],
    ["export", "--model", "/nowhere", "--merged", "--out"],
  ])("%j: nothing is written into a model's folder, however deep", async (...args) => {
    const folder = temporaryFolder();
    for (const name of ["config.json", "model-00001-of-00002.safetensors"])
      writeFileSync(join(folder, name), "");
    const link = join(temporaryFolder(), "link");
    symlinkSync(folder, link);

    for (const out of [join(folder, "out"), join(folder, "a", "b"), join(link, "out")]) {
      const { code, stderr } = await runCommand([...args, out]);

      expect(stderr).toContain(`lies in the folder of a model, ${realpathSync(folder)}`);
      expect(code).toBe(2);
    }
    expect(readdirSync(folder)).toHaveLength(2);
  });

  test("a folder whose config.json is something else's is no model's", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "config.json"), "{}");

    expect(() => checkAdapterFolder(join(folder, "out"), { mayReplace: false })).not.toThrow();
  });

  test.each(["adapter_config.json", "adapter_model.safetensors"])(
    "an adapter (%s) stays where it is unless told otherwise",
    (name) => {
      const folder = temporaryFolder();
      writeFileSync(join(folder, name), "");

      expect(() => checkAdapterFolder(folder, { mayReplace: false })).toThrow("holds an adapter");
      expect(() => checkAdapterFolder(folder, { mayReplace: true })).not.toThrow();
    },
  );

  test("a model stays where it is unless told otherwise", () => {
    const folder = temporaryFolder();
    for (const name of ["config.json", "model.safetensors"]) writeFileSync(join(folder, name), "");

    expect(() => checkModelFolder(folder, false)).toThrow("holds a model already");
    expect(() => checkModelFolder(folder, true)).not.toThrow();
  });
});
