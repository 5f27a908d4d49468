import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeOffer, parseOffer } from "../../../../src/node/admission/offer.ts";
import { newConfig } from "../../../../src/node/config/load.ts";
import { bundledModel } from "../../../../src/node/folders/package-folder.ts";
import { modelFilesSchema, modelToShare } from "../../../../src/node/sharing/shared-files.ts";
import { digestOfFile, isModelFile, type ModelFile } from "../../../../src/training/index.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const SHA = "ab".repeat(32);
const file = (name: string, bytes = 10): ModelFile => ({ name, bytes, sha256: SHA });
const SMALL = [file("config.json"), file("model.safetensors")];
const isTaken = (files: unknown) => modelFilesSchema.safeParse(files).success;

describe("a list of a model's files", () => {
  test.each([
    "../config.json",
    "..",
    ".",
    "",
    "/etc/passwd",
    "a/model.safetensors",
    "a\\model.safetensors",
    "additional_chat_templates/tool.jinja",
    ".safetensors",
    ".klatch.safetensors",
    "model.safetensors\u0000",
    "model.safetensors\n",
    "model.safetensors.part",
    "modeling_llama.py",
    "pytorch_model.bin",
    "klatch.yaml",
    "CON",
    `${"a".repeat(200)}.safetensors`,
    "modèle.safetensors",
  ])("is refused where it names %j", (name) => {
    expect(isTaken([...SMALL, file(name)])).toBe(false);
    // control: a name that is one
    expect(isTaken([...SMALL, file("tokenizer.json")])).toBe(true);
  });

  test.each<[string, unknown]>([
    ["no list", { 0: SMALL[0] }],
    ["without a configuration", [file("model.safetensors"), file("tokenizer.json")]],
    ["without weights", [file("config.json"), file("tokenizer.json")]],
    ["with a name twice", [...SMALL, file("config.json")]],
    [
      "with names that differ in capitals",
      [...SMALL, file("A.safetensors"), file("a.safetensors")],
    ],
    ["with a negative size", [...SMALL, file("tokenizer.json", -1)]],
    ["with half a byte", [...SMALL, file("tokenizer.json", 0.5)]],
    ["with a file of a petabyte", [...SMALL, file("tokenizer.json", 2 ** 50)]],
    ["of five terabytes", [...SMALL, ...["a", "b", "c", "d", "e"].map((name) => huge(name))]],
    [
      "with a digest in capitals",
      [...SMALL, { ...file("tokenizer.json"), sha256: "AB".repeat(32) }],
    ],
    ["with a digest cut", [...SMALL, { ...file("tokenizer.json"), sha256: "ab" }]],
    ["with a key more", [...SMALL, { ...file("tokenizer.json"), mode: 0o777 }]],
    [
      "of 257 files",
      [...SMALL, ...Array.from({ length: 255 }, (_, at) => file(`${at}.safetensors`))],
    ],
  ])("%s is refused", (_, files) => {
    expect(isTaken(files)).toBe(false);
    expect(isTaken(SMALL)).toBe(true);
  });

  test("arrives in the offer as it was, and what is taken stays in one folder, whatever comes", () => {
    const config = newConfig({}, "/");
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9_-][a-z0-9_.-]{0,40}\.safetensors$/), {
      minLength: 1,
      maxLength: 40,
    });
    const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);
    const bytes = fc.integer({ min: 0, max: 2 ** 30 });
    const lists = fc
      .tuple(names, sha256, bytes)
      .map(([found, sha, size]) => [
        file("config.json"),
        ...found.map((name) => ({ name, bytes: size, sha256: sha })),
      ]);
    fc.assert(
      fc.property(lists, (files) => {
        const { model } = parseOffer(encodeOffer({ ...config, model: "/srv/tiny" }, 4, files));
        expect(model).toEqual({ name: "tiny", isFolder: true, files });
      }),
    );
    const hostile = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc
        .tuple(
          fc.constantFrom("../", "./", "a/", "\\", ""),
          fc.constantFrom("config.json", "x.safetensors"),
        )
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(hostile, (name) => {
        if (isModelFile(name)) expect(name).toMatch(/^[\w-][\w.-]*$/);
      }),
      { numRuns: 10_000 },
    );
  });

  test("of an earlier version is no list, and such an offer is still read, and written", () => {
    const config = { ...newConfig({}, "/"), model: "/srv/tiny" };
    const offer = JSON.parse(new TextDecoder().decode(encodeOffer(config, 4))) as object;
    expect(offer).toMatchObject({ model: { name: "tiny", isFolder: true } });
    expect(offer).not.toHaveProperty("model.files");
    expect(parseOffer(encodeOffer(config, 4)).model.files).toBeUndefined();
    // one that cannot be taken is refused by its place
    const bad = [...SMALL, file("../x.safetensors")];
    expect(() => parseOffer(encodeOffer(config, 4, bad))).toThrow(
      expect.objectContaining({
        code: "incompatible",
        message: expect.stringContaining("model.files.2.name"),
      }),
    );
  });
});

describe("what the creator of a run gives of its model", () => {
  const hub = { cacheFolder: null, endpoint: "http://127.0.0.1:9", offline: true };
  const shared = (model: string, shareModel: "folder" | "always" | "never" = "folder") =>
    modelToShare({ model, shareModel }, hub);
  const filesOf = async (folder: string) => {
    const share = await shared(folder);
    return share !== null && "files" in share ? share.files : [];
  };

  /** The model that comes with Klatch as somebody's own folder. */
  function ownModel(): string {
    const folder = join(temporaryFolder(), "tiny");
    cpSync(bundledModel(), folder, { recursive: true });
    return folder;
  }

  test("are the files of a folder that a node reads, with their digests, and no others", async () => {
    const folder = ownModel();
    const files = await filesOf(folder);
    expect(files.map(({ name }) => name)).toEqual([
      ...["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"],
    ]);
    for (const { name, bytes, sha256 } of files) {
      expect(await digestOfFile(join(folder, name))).toEqual({ bytes, sha256 });
    }
    expect(isTaken(files)).toBe(true);
  });

  test("is nothing where it says never, of the model that comes with Klatch, and of one of the hub", async () => {
    expect(await shared(ownModel(), "never")).toBeNull();
    expect(await shared(bundledModel(), "always")).toBeNull();
    expect(await shared("organisation/name")).toBeNull();
    // control: asked for, the hub's is looked for
    await expect(shared("organisation/name", "always")).rejects.toMatchObject({ code: "usage" });
  });

  test("stays here where it lies in folders too, and is refused where it is asked for, or not whole", async () => {
    const folder = ownModel();
    mkdirSync(join(folder, "additional_chat_templates"));
    const refused = (message: RegExp, when: "folder" | "always" = "folder") =>
      expect(shared(folder, when)).rejects.toThrow(
        expect.objectContaining({
          message: expect.stringMatching(message),
          hint: expect.stringContaining("--share-model never"),
        }),
      );
    const stays = expect.stringContaining("chat templates in a folder of their own");
    expect(await shared(folder)).toEqual({ stays });
    await refused(/chat templates in a folder of their own/, "always");
    rmSync(join(folder, "additional_chat_templates"), { recursive: true });
    rmSync(join(folder, "model.safetensors"));
    await refused(/model\.safetensors\.index\.json is missing/);
    writeFileSync(
      join(folder, "model.safetensors.index.json"),
      JSON.stringify({ weight_map: { w: "one.safetensors", v: "two.safetensors" } }),
    );
    writeFileSync(join(folder, "one.safetensors"), "1");
    await refused(/two\.safetensors is missing/);
    writeFileSync(join(folder, "two.safetensors"), "2");
    expect((await filesOf(folder)).map(({ name }) => name)).toContain("two.safetensors");
  });
});

function huge(name: string): ModelFile {
  return file(`${name}.safetensors`, 2 ** 40);
}
