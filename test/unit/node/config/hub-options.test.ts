import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hubOptions } from "../../../../src/node/config/hub-options.ts";
import { loadConfig } from "../../../../src/node/config/load.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

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
      const read = () => hubOptions("auto", {}, { [name]: value });

      expect(read).toThrow(name);
      expect(read).not.toThrow("secret");
    }
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
