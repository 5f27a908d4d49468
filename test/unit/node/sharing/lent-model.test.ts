import { mkdirSync, renameSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../../../src/gossip/index.ts";
import { silentLogger } from "../../../../src/node/process/logger.ts";
import { LentModel } from "../../../../src/node/sharing/lent-model.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const TEXT = Buffer.from("the weights of the model");
const SHA = digestOf(TEXT);

function lent(content: Uint8Array | string = TEXT) {
  const folder = temporaryFolder();
  const path = join(folder, "model.safetensors");
  writeFileSync(path, content);
  const files = [{ name: "model.safetensors", bytes: TEXT.byteLength, sha256: SHA }];
  const options = { files, folder: async () => folder, log: silentLogger() };
  return { folder, path, model: new LentModel({ ...options, isFor: (peer) => peer === "anna" }) };
}

describe("a model that is given to members", () => {
  test("is read in parts, by the digest that this node found itself", async () => {
    const { model } = lent();
    expect([model.isFor("anna"), model.isFor("bert")]).toEqual([true, false]);
    expect([...model.files]).toEqual([[SHA, TEXT.byteLength]]);
    const file = await model.open(SHA);
    expect(file?.byteLength).toBe(TEXT.byteLength);
    const part = await file?.read(4, 7);
    expect(Buffer.from(part ?? []).toString()).toBe("weights");
  });

  test("may lie behind a link, as in caches of the hub", async () => {
    const { folder, path, model } = lent();
    renameSync(path, join(folder, "blob"));
    symlinkSync(join(folder, "blob"), path);
    expect(await (await model.open(SHA))?.read(0, 3)).toEqual(new Uint8Array(TEXT.subarray(0, 3)));
  });

  test("is not given where it is another, is no file, or is not there", async () => {
    expect(await lent("the weights of the wrong").model.open(SHA)).toBeNull();
    const { folder, path, model } = lent();
    expect(await model.open("ab".repeat(32))).toBeNull();
    renameSync(path, join(folder, "gone"));
    expect(await model.open(SHA)).toBeNull();
    mkdirSync(path);
    expect(await model.open(SHA)).toBeNull();
  });

  test("is given no more once it was changed under its name", async () => {
    const { folder, path, model } = lent();
    const file = await model.open(SHA);
    expect(await file?.read(0, 3)).not.toBeNull();
    writeFileSync(path, TEXT);
    utimesSync(path, 1, 1);
    expect(await file?.read(0, 3)).toBeNull();
    writeFileSync(join(folder, "other"), TEXT);
    renameSync(join(folder, "other"), path);
    expect(await file?.read(0, 3)).toBeNull();
  });
});
