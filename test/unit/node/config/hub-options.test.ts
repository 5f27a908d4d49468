import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { hubOptions } from "../../../../src/node/config/hub-options.ts";
import { loadConfig } from "../../../../src/node/config/load.ts";
import { runCommand } from "../../../support/command-line.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { writeTinyFolder } from "../../training/learner/model-folder.ts";

describe("how the hub is reached", () => {
  test("without a word: the public hub, this user's cache, no token", () => {
    expect(hubOptions("auto", {}, {})).toEqual({
      cacheFolder: join(homedir(), ".cache", "klatch"),
      endpoint: "https://huggingface.co",
      offline: false,
    });
  });

  test("by the variables that the hub's own tools know", () => {
    const environment = {
      HF_TOKEN: "hf_abc",
      HF_ENDPOINT: "http://mirror.example:8080/hub/",
      HF_HUB_OFFLINE: "1",
      XDG_CACHE_HOME: "/var/cache",
    };

    expect(hubOptions("auto", {}, environment)).toEqual({
      cacheFolder: join("/var/cache", "klatch"),
      endpoint: "http://mirror.example:8080/hub",
      offline: true,
      token: "hf_abc",
    });
    expect(hubOptions("/elsewhere", {}, environment).cacheFolder).toBe("/elsewhere");
  });

  test("an empty variable is none", () => {
    const empty = { HF_TOKEN: "", HF_ENDPOINT: "", HF_HUB_OFFLINE: "", XDG_CACHE_HOME: "" };

    expect(hubOptions("auto", {}, empty)).toEqual(hubOptions("auto", {}, {}));
  });

  test("a variable that makes no sense is named, and its value is not repeated", () => {
    for (const [name, value] of [
      ["HF_TOKEN", "secret word"],
      ["HF_ENDPOINT", "ftp://secret"],
    ] as const) {
      const options = hubOptions("auto", {}, { [name]: value });
      const read = () => [options.endpoint, options.token];

      expect(read).toThrow(name);
      expect(read).not.toThrow("secret");
    }
  });

  test("white space around a variable is nothing, and a token has any form", () => {
    const environment = {
      HF_TOKEN: "  glpat-1/2+3=\n",
      HF_ENDPOINT: " https://mirror.example/\r\n",
    };

    expect(hubOptions("auto", {}, environment)).toMatchObject({
      token: "glpat-1/2+3=",
      endpoint: "https://mirror.example",
    });
  });

  test("nothing of it matters to who asks no hub", async () => {
    const folder = temporaryFolder();
    await writeTinyFolder(folder);
    vi.stubEnv("HF_TOKEN", "two words");
    vi.stubEnv("HF_ENDPOINT", "ftp://nowhere");
    vi.stubEnv("https_proxy", "socks5://proxy.example");
    onTestFinished(() => void vi.unstubAllEnvs());
    const on = (model: string) =>
      runCommand(["eval", "--model", model, "--data", join(folder, "data.jsonl")]);

    expect((await on(folder)).code).toBe(0);
    // The control: a hub's model needs them.
    expect(await on("some-lab/tiny")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("HF_TOKEN makes no sense"),
    });
  });
});

describe("the model's name in a configuration", () => {
  const modelOf = (name: string, cwd: string) =>
    loadConfig({ cwd, env: {}, flags: { model: name } }).model;

  test("of the hub stays as it is", () => {
    const folder = temporaryFolder();

    expect(modelOf("some-lab/tiny", folder)).toBe("some-lab/tiny");
    expect(modelOf("some-lab/tiny@v1.0", folder)).toBe("some-lab/tiny@v1.0");
  });

  test("is a path where there is such a folder, or where the hub has no such names", () => {
    const folder = temporaryFolder();
    const parent = join(folder, "..");
    const own = folder.slice(join(parent, "/").length);

    expect(modelOf(`${own}/`, parent)).toBe(folder);
    expect(modelOf("tiny", folder)).toBe(join(folder, "tiny"));
    expect(modelOf("./some-lab/tiny", folder)).toBe(join(folder, "some-lab", "tiny"));
  });

  test("leaves other paths alone that look like it", () => {
    const folder = temporaryFolder();
    const config = loadConfig({ cwd: folder, env: {}, flags: { "data.train": "data/rows.jsonl" } });

    expect(config.data.train).toEqual([join(folder, "data", "rows.jsonl")]);
    expect(config.cache).toBe("auto");
  });
});
