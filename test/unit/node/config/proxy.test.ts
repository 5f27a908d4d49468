import { describe, expect, test } from "vitest";
import { proxySettings } from "../../../../src/node/config/proxy.ts";

const HERE = "localhost,127.0.0.1,::1,[::1]";

describe("the proxy of the environment", () => {
  test.each([
    [{ https_proxy: "http://p:3128" }, { https_proxy: "http://p:3128" }],
    [{ HTTPS_PROXY: "http://p:3128" }, { https_proxy: "http://p:3128" }],
    [{ https_proxy: "http://small", HTTPS_PROXY: "http://large" }, { https_proxy: "http://small" }],
    [{ https_proxy: "", HTTPS_PROXY: "http://large\n" }, { https_proxy: "http://large" }],
    [{ https_proxy: "10.1.2.3:3128" }, { https_proxy: "http://10.1.2.3:3128" }],
    [{ http_proxy: "http://p" }, { http_proxy: "http://p" }],
    [{ ALL_PROXY: "http://p" }, { https_proxy: "http://p", http_proxy: "http://p" }],
  ])("%j is %j", (environment, expected) => {
    expect(proxySettings(environment)).toEqual({ ...expected, no_proxy: HERE });
  });

  test("is not asked for what no_proxy names, nor for this machine", () => {
    const environment = { https_proxy: "http://p", NO_PROXY: ".example.org, 10.0.0.1" };

    expect(proxySettings(environment)?.no_proxy).toBe(`.example.org,10.0.0.1,${HERE}`);
  });

  test("is none without a word, or with an empty one", () => {
    expect(proxySettings({ NO_PROXY: "*" })).toBeNull();
    expect(proxySettings({ https_proxy: "", HTTP_PROXY: " " })).toBeNull();
  });

  test.each([
    ["https_proxy", "socks5://user:secret@p:1080", "a proxy of the kind socks5"],
    ["http_proxy", "http://", "no address"],
    ["all_proxy", "socks5h://secret", "a proxy of the kind socks5h"],
  ])("%s=%s is refused by name, and not repeated", (name, value, what) => {
    const read = () => proxySettings({ [name]: value });

    expect(read).toThrow(`${name} names ${what}`);
    expect(read).not.toThrow("secret");
  });
});
