import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { resolveModel } from "../../../src/training/base/resolve-model.ts";
import type { HubOptions } from "../../../src/training/files/hub/options.ts";
import { HubRepository } from "../../support/hub-repository.ts";
import { FILES, hubWith, ID, WEIGHTS, weightsOf, without } from "../../support/small-hub.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

describe("a model of the hub", () => {
  test("is fetched once, with the files that are needed and no others", async () => {
    const { server, repository, hub, events } = await hubWith();

    const { folder, origin } = await resolveModel(ID, hub);
    const asked = server.asked.length;
    const again = await resolveModel(ID, hub);

    expect(origin).toEqual({ id: ID, revision: "main", commit: repository.commit });
    expect(readdirSync(folder).sort()).toEqual([
      "config.json",
      "generation_config.json",
      "klatch-hub.json",
      "model.safetensors",
      "special_tokens_map.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    expect(weightsOf(folder).equals(WEIGHTS)).toBe(true);
    expect(again).toEqual({ folder, origin });
    expect(server.asked).toHaveLength(asked);
    expect(events.at(-1)).toMatchObject({ kind: "finished", model: ID });
    const last = events.findLast((event) => event.kind === "progress");
    expect(last).toMatchObject({ received: WEIGHTS.length, total: WEIGHTS.length });
  });

  test("stays at the commit where a branch was first used, and is had anew by its commit", async () => {
    const { server, repository, hub } = await hubWith();
    await resolveModel(ID, hub);
    const moved = new HubRepository(ID, { ...FILES, "tokenizer_config.json": '{"new":1}' });
    server.add(moved);

    const pinned = await resolveModel(ID, hub);
    const newer = await resolveModel(`${ID}@${moved.commit}`, hub);

    expect(pinned.origin?.commit).toBe(repository.commit);
    expect(newer.origin?.commit).toBe(moved.commit);
    expect(newer.folder).not.toBe(pinned.folder);
  });

  test("is had by tag and by a revision with slashes", async () => {
    const { repository, hub } = await hubWith();

    expect((await resolveModel(`${ID}@v1.0`, hub)).origin?.commit).toBe(repository.commit);
    expect((await resolveModel(`${ID}@refs/pr/1`, hub)).origin?.revision).toBe("refs/pr/1");
  });

  test("comes in the shards that its index names", async () => {
    const shard = (n: number) => `model-0000${n}-of-00002.safetensors`;
    const index = { weight_map: { a: shard(1), b: shard(2) } };
    const { server, hub } = await hubWith({
      ...without("model.safetensors"),
      "model.safetensors.index.json": JSON.stringify(index),
      [shard(1)]: WEIGHTS.slice(0, 1000),
      [shard(2)]: WEIGHTS.slice(1000),
      "model-00001-of-00009.safetensors": WEIGHTS,
    });

    const { folder } = await resolveModel(ID, hub);

    expect(statSync(join(folder, shard(2))).size).toBe(WEIGHTS.length - 1000);
    expect(server.contentAsked("model-00001-of-00009.safetensors")).toEqual([]);
  });

  test("is kept whatever the names of its shards begin with", async () => {
    const index = { weight_map: { a: "-a.safetensors", b: "_b.safetensors" } };
    const { server, hub } = await hubWith({
      ...without("model.safetensors"),
      "model.safetensors.index.json": JSON.stringify(index),
      "-a.safetensors": WEIGHTS.slice(0, 1000),
      "_b.safetensors": WEIGHTS.slice(1000),
    });

    const first = await resolveModel(ID, hub);
    const asked = server.asked.length;

    expect(await resolveModel(ID, hub)).toEqual(first);
    expect(server.asked).toHaveLength(asked);
  });

  test("gives way to a folder of that name", async () => {
    const folder = temporaryFolder();

    expect(await resolveModel(folder, undefined)).toEqual({ folder, origin: null });
  });

  test("is not asked for when the name is none of the hub's", async () => {
    const { server, hub } = await hubWith();

    for (const name of ["./tiny", "tiny", "a/b/c", "../some-lab/tiny", "a--b/c", "a/b@../x"]) {
      await expect(resolveModel(name, hub)).rejects.toMatchObject({ code: "data" });
    }
    expect(server.asked).toEqual([]);
  });
});

describe("a model that cannot be had", () => {
  const refusal = async (name: string, hub: HubOptions) =>
    (await resolveModel(name, hub).catch((error: unknown) => error)) as {
      code: string;
      message: string;
      hint: string;
    };

  test("is gated: the page of its licence and HF_TOKEN are named", async () => {
    const { server, hub } = await hubWith(FILES, { gatedFor: "hf_member" });

    for (const token of [undefined, "hf_stranger"]) {
      const error = await refusal(ID, { ...hub, ...(token ? { token } : {}) });
      expect(error.code).toBe("permission");
      expect(error.hint).toContain(`${server.endpoint}/${ID}`);
      expect(error.hint).toContain("HF_TOKEN");
    }
  });

  test("is gated, and opens to the token, which no other host is told", async () => {
    const { server, hub } = await hubWith(FILES, { gatedFor: "hf_member" });

    await resolveModel(ID, { ...hub, token: "hf_member" });

    const told = server.contentAsked("model.safetensors").map(({ authorization }) => authorization);
    expect(told).toEqual([undefined]);
    expect(server.asked[0]?.authorization).toBe("Bearer hf_member");
  });

  test("is gated, and a content server that is asked directly is not told the token either", async () => {
    const { server, hub } = await hubWith(FILES, { gatedFor: "hf_member" });
    server.isCloudFront = true;

    const { folder } = await resolveModel(ID, { ...hub, token: "hf_member" });

    expect(weightsOf(folder).equals(WEIGHTS)).toBe(true);
    const told = server.contentAsked("model.safetensors").map(({ authorization }) => authorization);
    expect(new Set(told)).toEqual(new Set([undefined]));
  });

  test.each(["pages", "text"] as const)(
    "has a list of files with %s without end",
    async (endless) => {
      const { server, hub } = await hubWith();
      server.endless = endless;

      await expect(resolveModel(ID, hub)).rejects.toMatchObject({
        code: "network",
        message: expect.stringContaining(
          endless === "pages" ? "more than 100 answers" : "more than 33554432 bytes",
        ),
      });
    },
  );

  test("does not exist, or not in that revision", async () => {
    const { hub } = await hubWith();

    expect(await refusal("some-lab/nothing", hub)).toMatchObject({ code: "data" });
    expect(await refusal("some-lab/nothing", { ...hub, token: "hf_x" })).toMatchObject({
      code: "data",
      message: expect.stringContaining("some-lab/nothing"),
    });
    const error = await refusal(`${ID}@v9`, hub);
    expect(error).toMatchObject({ code: "data", message: expect.stringContaining('"v9"') });
  });

  test("lies behind a network that is not there", async () => {
    const { server, hub } = await hubWith();
    server.stop();

    expect(await refusal(ID, hub)).toMatchObject({
      code: "network",
      message: expect.stringMatching(/there is no folder .* here, and .*ECONNREFUSED/),
    });
  });

  test("is not in the cache of one who is offline, and is used where it is", async () => {
    const { server, hub } = await hubWith();
    const offline = { ...hub, offline: true };

    expect(await refusal(ID, offline)).toMatchObject({ code: "network" });
    expect(server.asked).toEqual([]);
    const { folder } = await resolveModel(ID, hub);
    server.stop();
    expect((await resolveModel(ID, offline)).folder).toBe(folder);
  });

  test("has only pickles, is an adapter, or is no model at all", async () => {
    const cases = [
      [without("model.safetensors"), "pytorch_model.bin"],
      [{ "adapter_config.json": "{}", "adapter_model.safetensors": WEIGHTS }, "adapter"],
      [{ "README.md": "hello" }, "config.json"],
    ] as const;
    for (const [files, word] of cases) {
      const { hub } = await hubWith(files);
      const error = await refusal(ID, hub);
      expect(error.code).toBe("incompatible");
      expect(error.message).toContain(word);
    }
  });

  test("is of another architecture: it is refused before its weights are fetched", async () => {
    const config = JSON.stringify({ architectures: ["ResNetForImageClassification"] });
    const { server, hub } = await hubWith({ ...FILES, "config.json": config });

    expect(await refusal(ID, hub)).toMatchObject({
      code: "incompatible",
      message: expect.stringContaining("ResNetForImageClassification"),
    });
    expect(server.contentAsked("model.safetensors")).toEqual([]);
  });

  test("is quantised: it is refused before its weights are fetched", async () => {
    const quantization_config = { quant_method: "gptq", bits: 4 };
    const { server, hub } = await hubWith({
      ...FILES,
      "config.json": JSON.stringify({ quantization_config }),
    });

    expect(await refusal(ID, hub)).toMatchObject({
      code: "incompatible",
      message: expect.stringContaining("gptq, 4 bit"),
      hint: expect.stringContaining("F32, BF16 or F16"),
    });
    expect(server.contentAsked("model.safetensors")).toEqual([]);
  });
});
