import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import {
  createIdentity,
  createNetworkKey,
  isPeerId,
  loadIdentity,
  loadNetworkKey,
  loadOrCreateIdentity,
} from "../../../../src/gossip/index.ts";

const folder = mkdtempSync(join(tmpdir(), "klatch-identity-"));
afterAll(() => rmSync(folder, { recursive: true }));

let file: string;
let count = 0;
beforeEach(() => {
  file = join(folder, `identity-${count++}.json`);
});

const permission = (message: RegExp) =>
  expect.objectContaining({ code: "permission", message: expect.stringMatching(message) });

describe("an identity file", () => {
  it("is readable by its owner only, and gives the same peer again", async () => {
    const created = await createIdentity(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(isPeerId(created.peerId)).toBe(true);
    const loaded = await loadIdentity(file);
    expect(loaded.peerId).toBe(created.peerId);
    expect(loaded.key.equals(created.key)).toBe(true);
  });

  it("is never overwritten", async () => {
    await createIdentity(file);
    const before = readFileSync(file, "utf8");
    await expect(createIdentity(file)).rejects.toEqual(permission(/already exists/));
    expect(readFileSync(file, "utf8")).toBe(before);
  });

  it("is made when there is none, and kept when there is one", async () => {
    const first = await loadOrCreateIdentity(file);
    expect((await loadOrCreateIdentity(file)).peerId).toBe(first.peerId);
  });

  it.each([0o640, 0o604, 0o620, 0o660, 0o666])("is refused with mode %o", async (mode) => {
    await createIdentity(file);
    chmodSync(file, mode);
    await expect(loadIdentity(file)).rejects.toEqual(permission(/open to other users/));
    // and must not be replaced by a new one either
    await expect(loadOrCreateIdentity(file)).rejects.toEqual(permission(/open to other users/));
  });

  it("is missed by name", async () => {
    await expect(loadIdentity(file)).rejects.toEqual(permission(/There is no identity file/));
  });

  it("is refused when a character of it changed, wherever", async () => {
    await createIdentity(file);
    const text = readFileSync(file, "utf8").trimEnd();
    for (let index = 0; index < text.length; index += 1) {
      if (/\s/.test(text[index] ?? "")) continue;
      const other = text[index] === "A" ? "B" : "A";
      writeFileSync(file, text.slice(0, index) + other + text.slice(index + 1));
      await expect(loadIdentity(file)).rejects.toEqual(permission(/damaged/));
    }
  });

  it.each(["", "{}", "null", "[1]", "not json", `{"version":1}`])(
    "is refused when it holds %j",
    async (text) => {
      writeFileSync(file, text, { mode: 0o600 });
      await expect(loadIdentity(file)).rejects.toEqual(permission(/damaged/));
    },
  );

  it("is refused when it is too large to be one, or a folder", async () => {
    writeFileSync(file, " ".repeat(5000), { mode: 0o600 });
    await expect(loadIdentity(file)).rejects.toEqual(permission(/is no identity file|damaged/));
  });
});

describe("a network key file", () => {
  it("has the format that libp2p's private networks share, for its owner only", () => {
    const key = createNetworkKey(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).toMatch(
      /^\/key\/swarm\/psk\/1\.0\.0\/\n\/base16\/\n[0-9a-f]{64}\n$/,
    );
    expect(loadNetworkKey(file)).toEqual(key);
    expect(() => createNetworkKey(file)).toThrow(/already exists/);
  });

  it("is refused when it is damaged or open to others", () => {
    createNetworkKey(file);
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.slice(0, -3));
    expect(() => loadNetworkKey(file)).toThrow(/damaged/);
    writeFileSync(file, text);
    chmodSync(file, 0o644);
    expect(() => loadNetworkKey(file)).toThrow(/open to other users/);
  });
});

describe("a peer id", () => {
  it.each([
    "",
    "12D3KooW",
    "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
    `12D3KooW${"l".repeat(44)}`,
    `12D3KooW${"1".repeat(44)}`,
    "__proto__",
  ])("is not %j", (text) => {
    expect(isPeerId(text)).toBe(false);
  });
});
