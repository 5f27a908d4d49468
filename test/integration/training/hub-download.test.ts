import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { resolveModel } from "../../../src/training/base/resolve-model.ts";
import { HubClient } from "../../../src/training/files/hub/client.ts";
import { downloadFile } from "../../../src/training/files/hub/download.ts";
import { TestProcess } from "../../support/child-process.ts";
import type { HubServer } from "../../support/hub-server.ts";
import { FILES, hubWith, ID, WEIGHTS, weightsOf } from "../../support/small-hub.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

describe("a download", () => {
  test("brings the chat templates that lie in their folder, and nothing of other folders", async () => {
    const names = ["default", "rag", "tool_use", "a", "b"];
    const templates = names.map(
      (name) => [`additional_chat_templates/${name}.jinja`, name] as const,
    );
    const others = { "additional_chat_templates/notes.txt": "x", "onnx/config.json": "x" };
    const { hub } = await hubWith({ ...FILES, ...Object.fromEntries(templates), ...others });

    const { folder } = await resolveModel(ID, hub);

    for (const [path, text] of templates) {
      expect(readFileSync(join(folder, path), "utf8")).toBe(text);
    }
    expect(readdirSync(join(folder, "additional_chat_templates"))).toHaveLength(names.length);
    expect(existsSync(join(folder, "onnx"))).toBe(false);
    expect((await resolveModel(ID, { ...hub, offline: true })).folder).toBe(folder);
  });
});

describe("a download that goes wrong", () => {
  test("goes on where the connection was cut, by Range", async () => {
    const { server, hub, events } = await hubWith();
    server.faults.set("model.safetensors", [
      { kind: "cut", at: 100_000 },
      { kind: "cut", at: 200_000 },
    ]);

    const { folder } = await resolveModel(ID, hub);

    expect(weightsOf(folder).equals(WEIGHTS)).toBe(true);
    const ranges = server.contentAsked("model.safetensors").map(({ range }) => range);
    expect(ranges[0]).toBeUndefined();
    expect(ranges[1]).toMatch(/^bytes=[1-9]\d*-$/);
    expect(ranges).toHaveLength(3);
    expect(events.filter(({ kind }) => kind === "retry")).toHaveLength(2);
  });

  test("begins anew where the server serves no parts", async () => {
    const { server, hub } = await hubWith();
    server.servesRanges = false;
    server.faults.set("model.safetensors", [{ kind: "cut", at: 100_000 }]);

    const { folder } = await resolveModel(ID, hub);

    expect(weightsOf(folder).equals(WEIGHTS)).toBe(true);
  });

  test("is repeated when a byte is wrong, and never shown under the file's name", async () => {
    const { server, hub } = await hubWith();
    server.faults.set("model.safetensors", [{ kind: "damage" }]);
    server.faults.set("config.json", [{ kind: "damage" }]);

    const { folder } = await resolveModel(ID, hub);

    expect(weightsOf(folder).equals(WEIGHTS)).toBe(true);
    expect(readFileSync(join(folder, "config.json"), "utf8")).toBe(FILES["config.json"]);
  });

  test("ends with a sentence when it is wrong twice", async () => {
    const { server, hub } = await hubWith();
    server.faults.set("model.safetensors", [{ kind: "damage" }, { kind: "damage" }]);

    await expect(resolveModel(ID, hub)).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining("model.safetensors arrived twice"),
    });
    const left = readdirSync(join(hub.cacheFolder, "hub", "some-lab--tiny"), { recursive: true });
    expect(left.filter((name) => String(name).includes("model.safetensors"))).toEqual([]);
  });

  test("survives an overloaded hub, for a while", async () => {
    const { server, hub } = await hubWith();
    server.failures.push(503, 429, 500);
    await resolveModel(ID, hub);

    server.failures.push(503, 503, 503, 503);
    await expect(resolveModel(`${ID}@v1.0`, hub)).rejects.toMatchObject({
      code: "network",
      message: expect.stringContaining("503"),
    });
  });

  test("goes on after its process was killed", async () => {
    const { server, hub } = await hubWith();
    server.faults.set("model.safetensors", [{ kind: "stall", at: 150_000 }]);
    const killed = startFetcher(server, hub);
    await killed.line((line) => line.includes('"model.safetensors"'));
    killed.kill("SIGKILL");
    await killed.ended();

    const { folder } = await resolveModel(ID, hub);

    expect(weightsOf(folder).equals(WEIGHTS)).toBe(true);
    expect(server.contentAsked("model.safetensors").at(-1)?.range).toMatch(/^bytes=[1-9]\d*-$/);
  });

  test("is not disturbed by a part of another size or content", async () => {
    const { repository, hub } = await hubWith();
    const { folder } = await resolveModel(ID, hub);
    for (const left of [WEIGHTS.map((x) => x ^ 1), new Uint8Array(WEIGHTS.length + 1)]) {
      // As after a crash: the record is there, the file is not, and the part is nonsense.
      const other = { ...hub, cacheFolder: temporaryFolder() };
      await resolveModel(ID, other);
      const place = folder.replace(hub.cacheFolder, other.cacheFolder);
      writeFileSync(join(place, "model.safetensors"), "half");
      writeFileSync(join(place, "model.safetensors.part"), left);

      const again = await resolveModel(`${ID}@${repository.commit}`, other);

      expect(weightsOf(again.folder).equals(WEIGHTS)).toBe(true);
      expect(existsSync(join(place, "model.safetensors.part"))).toBe(false);
    }
  });
});

describe("a download whose record", () => {
  test.each([
    ["is empty", ""],
    ["is cut off", '{"id": "some'],
    ["says something else", "{}"],
  ])("%s, as after a loss of power, is completed without its files", async (_, content) => {
    const { server, hub } = await hubWith();
    const { folder } = await resolveModel(ID, hub);
    const record = join(folder, "klatch-hub.json");
    const whole = readFileSync(record, "utf8");
    writeFileSync(record, content);

    await resolveModel(ID, hub);

    expect(readFileSync(record, "utf8")).toBe(whole);
    expect(server.contentAsked("model.safetensors")).toHaveLength(1);
  });
});

describe("a download whose place is taken", () => {
  test("by a folder is an error that names it", async () => {
    const { repository, hub } = await hubWith();
    const place = join(hub.cacheFolder, "hub", "some-lab--tiny", repository.commit);
    mkdirSync(join(place, "model.safetensors"), { recursive: true });

    await expect(resolveModel(ID, hub)).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining("model.safetensors is a folder"),
    });
  });
});

describe("two that bring the same file at the same time, each sure of its lock", () => {
  test("leave it whole where the server serves no parts and one of them begins anew", async () => {
    const { server, hub } = await hubWith();
    const client = new HubClient({ id: ID, revision: "main" }, hub);
    const commit = await client.commit();
    const files = await client.files(commit);
    const file = files.find(({ path }) => path === "model.safetensors");
    assert(file);
    const folder = temporaryFolder();
    const [release, isHalf] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    server.servesRanges = false;
    server.faults.set("model.safetensors", [
      { kind: "pause", at: 200_000, until: release.promise },
      { kind: "cut", at: 50_000 },
    ]);
    const bring = (onBytes: (received: number) => void, signal?: AbortSignal) =>
      downloadFile(client, commit, file, folder, { onBytes, onRetry() {}, retryMs: 1, signal });
    const first = bring((received) => received >= 200_000 && isHalf.resolve());
    await isHalf.promise;
    // The second begins at the first byte again, and is stopped a little later.
    const stop = new AbortController();
    const second = bring(() => stop.abort(), stop.signal);
    await expect(second).rejects.toThrow();
    expect(existsSync(join(folder, "model.safetensors"))).toBe(false);
    release.resolve();
    await first;

    expect(weightsOf(folder).equals(WEIGHTS)).toBe(true);
    expect(readdirSync(folder)).toEqual(["model.safetensors"]);
  });
});

describe("two processes that want the same model", () => {
  test("download it once", async () => {
    const { server, hub } = await hubWith();

    const both = [startFetcher(server, hub), startFetcher(server, hub)];
    const ends = await Promise.all(both.map((each) => each.ended()));

    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    expect(server.contentAsked("model.safetensors")).toHaveLength(1);
    expect(both[0]?.lines.at(-1)).toBe(both[1]?.lines.at(-1));
  });

  test("would download it twice without a common cache", async () => {
    const { server, hub } = await hubWith();
    const other = { ...hub, cacheFolder: temporaryFolder() };

    await Promise.all([resolveModel(ID, hub), resolveModel(ID, other)]);

    expect(server.contentAsked("model.safetensors")).toHaveLength(2);
  });
});

function startFetcher(server: HubServer, hub: { readonly cacheFolder: string }): TestProcess {
  const file = join(import.meta.dirname, "../../support/hub-fetcher.ts");
  return new TestProcess(file, [server.endpoint, hub.cacheFolder, ID]);
}
