import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { TokenFileWriter } from "../../../../src/training/data/dataset/token-file.ts";
import { withFile } from "../../../../src/training/files/file-access.ts";
import { HubClient } from "../../../../src/training/files/hub/client.ts";
import { downloadFile } from "../../../../src/training/files/hub/download.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

describe("an error while a file is in use", () => {
  it("is told as the file system's where it is", async () => {
    const folder = temporaryFolder();

    await expect(withFile(join(folder, "absent"), async () => 0)).rejects.toMatchObject({
      code: "data",
    });
    await expect(withFile(folder, (handle) => handle.readFile())).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining("is a folder"),
    });
  });

  it("stays what it is where it is a bug", async () => {
    const file = join(temporaryFolder(), "file");
    await writeFile(file, "content");
    const bug = new TypeError("a bug");

    await expect(withFile(file, () => Promise.reject(bug))).rejects.toBe(bug);
  });
});

describe("a file that cannot be begun", () => {
  it("is an operating error of a download", async () => {
    const folder = temporaryFolder();
    const cacheFolder = folder;
    const endpoint = "http://127.0.0.1:9";
    const client = new HubClient(
      { id: "a/b", revision: "main" },
      { cacheFolder, endpoint, offline: false },
    );
    const file = {
      path: "config.json",
      size: 1 << 20,
      algorithm: "sha256",
      digest: "0".repeat(64),
    } as const;
    const quiet = { onBytes: () => {}, onRetry: () => {}, retryMs: 1, signal: undefined };

    const absent = join(folder, "absent");
    await expect(downloadFile(client, "0".repeat(40), file, absent, quiet)).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining("is missing"),
    });
  });

  it("leaves no part of a set of tokens behind", async () => {
    const folder = temporaryFolder();
    const full = Object.assign(new Error("no space left"), { code: "ENOSPC", syscall: "write" });
    const prototype = await withPrototype(folder);
    const write = vi.spyOn(prototype, "writeFile").mockRejectedValueOnce(full);

    await expect(TokenFileWriter.create(join(folder, "a.tokens"))).rejects.toMatchObject({
      code: "disk",
    });
    write.mockRestore();
    expect(await readdir(folder)).toEqual(["probe"]);
  });
});

/** What all open files share. */
async function withPrototype(
  folder: string,
): Promise<{ writeFile(data: Uint8Array): Promise<void> }> {
  const probe = join(folder, "probe");
  await writeFile(probe, "");
  return await withFile(probe, async (handle) => Object.getPrototypeOf(handle));
}
