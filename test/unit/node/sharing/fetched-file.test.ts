import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bytesHere, FetchedFile, isHere, PART } from "../../../../src/node/sharing/fetched-file.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const CONTENT = new Uint8Array(randomBytes(3_000_000));
const FILE = {
  name: "model.safetensors",
  bytes: CONTENT.byteLength,
  sha256: createHash("sha256").update(CONTENT).digest("hex"),
};
const never = new AbortController().signal;

async function begun(folder: string): Promise<FetchedFile> {
  return FetchedFile.open(folder, FILE, never);
}

function placed(part?: Uint8Array) {
  const folder = temporaryFolder();
  const path = join(folder, FILE.name);
  if (part !== undefined) writeFileSync(path + PART, part);
  return { folder, path };
}

describe("a file that comes", () => {
  test("has its name only once it is whole and right", async () => {
    const { folder, path } = placed();
    const target = await begun(folder);
    await target.append(CONTENT.subarray(0, 1_000_000));
    expect([target.received, existsSync(path)]).toEqual([1_000_000, false]);
    await target.append(CONTENT.subarray(1_000_000));
    expect(existsSync(path)).toBe(false);
    expect(await target.finish()).toBe(true);
    await target.close();
    expect(Buffer.compare(readFileSync(path), CONTENT)).toBe(0);
    expect([existsSync(path + PART), statSync(path).mode & 0o777]).toEqual([false, 0o600]);
    expect(await isHere(folder, FILE, never)).toBe(true);
  });

  test.each([0, 1, 1_048_576, 2_500_000, 3_000_000])(
    "goes on where %i bytes are here, which it reads for the digest",
    async (length) => {
      const { folder } = placed(CONTENT.subarray(0, length));
      expect(await bytesHere(folder, FILE)).toBe(length);
      const target = await begun(folder);
      expect(target.received).toBe(length);
      await target.append(CONTENT.subarray(length));
      expect(await target.finish()).toBe(true);
      await target.close();
    },
  );

  test("begins anew where what came, or what was here, is another file", async () => {
    const wrong = CONTENT.slice(0, 2_000_000);
    wrong.set([(wrong[1_234_567] ?? 0) ^ 1], 1_234_567);
    const { folder, path } = placed(wrong);
    const target = await begun(folder);
    await target.append(CONTENT.subarray(2_000_000));
    expect(await target.finish()).toBe(false);
    expect([target.received, existsSync(path), statSync(path + PART).size]).toEqual([0, false, 0]);
    // control: all of it anew
    await target.append(CONTENT);
    expect(await target.finish()).toBe(true);
    await target.close();
  });

  test("takes nothing of a part that is longer than the file, and follows no link", async () => {
    const { folder } = placed(new Uint8Array(FILE.bytes + 1));
    const target = await begun(folder);
    expect(target.received).toBe(0);
    await target.close();
    const other = placed();
    const elsewhere = join(temporaryFolder(), "precious");
    writeFileSync(elsewhere, "precious");
    symlinkSync(elsewhere, other.path + PART);
    await expect(begun(other.folder)).rejects.toMatchObject({ code: "disk" });
    expect(readFileSync(elsewhere, "utf8")).toBe("precious");
  });

  test("says what keeps the disk from taking it", async () => {
    const { folder } = placed();
    const target = await begun(folder);
    await target.close();
    expect(target.failed.aborted).toBe(false);
    await expect(target.append(CONTENT)).rejects.toThrow();
    expect(target.failed.reason).toMatchObject({ code: "disk" });
  });

  test("is not here where a file of its name has another content, which goes", async () => {
    const { folder, path } = placed();
    expect(await isHere(folder, FILE, never)).toBe(false);
    writeFileSync(path, CONTENT.subarray(1));
    expect(await isHere(folder, FILE, never)).toBe(false);
    expect(existsSync(path)).toBe(false);
    writeFileSync(path, CONTENT);
    expect(await isHere(folder, FILE, never)).toBe(true);
    await expect(isHere(folder, FILE, AbortSignal.abort())).rejects.toThrow(/abort/);
  });
});
