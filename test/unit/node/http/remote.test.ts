import { readFileSync, statSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { requestAllowance } from "../../../../src/node/http/status-server.ts";
import { statusToken } from "../../../../src/node/http/status-token.ts";
import { runCommand } from "../../../support/command-line.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { readEvents } from "./event-reader.ts";
import { serveStatus } from "./status-endpoint.ts";

const REMOTE = { host: "0.0.0.0", allowRemote: true };

/** An endpoint that other machines can reach, and its token. */
async function serveRemotely() {
  const { url, dataDir } = await serveStatus({}, REMOTE);
  const token = readFileSync(join(dataDir, "status-token"), "utf8").trim();
  return { url: url.replace("0.0.0.0", "127.0.0.1"), dataDir, token };
}

describe("an endpoint that other machines can reach", () => {
  test("asks for the token everywhere but where probes look, and the dashboard's own files", async () => {
    const { url, token } = await serveRemotely();
    const codeOf = async (path: string, authorization?: string) =>
      (await fetch(url + path, { headers: authorization ? { authorization } : {} })).status;

    for (const path of ["/healthz", "/readyz", "/v1/healthz"]) expect(await codeOf(path)).toBe(200);
    for (const path of [
      ...["/status", "/v1/status", "/v1/health", "/metrics", "/v1/events", "/openapi.json"],
      ...["/v1/chain", "/nothing", "//", "/dashboard.js/../status"],
    ]) {
      expect([path, await codeOf(path)]).toEqual([path, 401]);
    }
    for (const wrong of [
      token,
      `Basic ${token}`,
      `Bearer ${token}x`,
      "Bearer ",
      `bearer ${token}`,
    ]) {
      expect([wrong, await codeOf("/v1/status", wrong)]).toEqual([wrong, 401]);
    }
    expect(await codeOf("/v1/status", `Bearer ${token}`)).toBe(200);
    expect((await readEvents(url, { token })).response.status).toBe(200);
    // that is a matter of what has been built, not of who asks
    expect([200, 404]).toContain(await codeOf("/"));
  });

  test("keeps its token, for its owner alone", async () => {
    const dataDir = temporaryFolder();
    const token = statusToken(dataDir);

    expect(token).toMatch(/^[\w-]{43}$/);
    expect(statusToken(dataDir)).toBe(token);
    expect(statusToken(temporaryFolder())).not.toBe(token);
    expect(statSync(join(dataDir, "status-token")).mode & 0o777).toBe(0o600);
    writeFileSync(join(dataDir, "status-token"), "secret\n");
    expect(() => statusToken(dataDir)).toThrow("holds no token");
  });

  test("answers commands that have its folder, or its token", async () => {
    const { url, dataDir } = await serveRemotely();
    const status = (...flags: readonly string[]) => runCommand(["status", "--json", ...flags]);

    expect((await status("--data-dir", dataDir)).code).toBe(0);
    expect(await status("--url", url)).toMatchObject({
      code: 6,
      stderr: expect.stringContaining("--token-file"),
    });
    expect((await status("--url", url, "--token-file", join(dataDir, "status-token"))).code).toBe(
      0,
    );
    expect((await status("--url", url, "--token-file", join(dataDir, "none"))).code).toBe(2);
  });
});

test("an endpoint on loopback asks for no token, and makes none", async () => {
  const { url, dataDir } = await serveStatus();

  expect((await fetch(`${url}/v1/status`)).status).toBe(200);
  expect(() => statSync(join(dataDir, "status-token"))).toThrow("ENOENT");
});

/** Asks with headers that `fetch` would not send. */
function codeFor(url: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on("error", reject);
  });
}

describe("the pages of others", () => {
  test.each([
    [{ "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }, 403, 403],
    [{ "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" }, 403, 403],
    // a link somewhere else
    [{ "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, 403, "page"],
    [{ "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" }, 200, "page"],
    [{ "sec-fetch-site": "none", "sec-fetch-mode": "navigate" }, 200, "page"],
    [{ origin: "SELF" }, 200, "page"],
    [{ origin: "http://localhost:1" }, 403, 403],
  ] as const)("%j may see: status %s, dashboard %s", async (sent, ofStatus, ofPage) => {
    const { url } = await serveStatus();
    const headers = Object.fromEntries(
      Object.entries(sent).map(([name, value]) => [name, value === "SELF" ? url : value]),
    );
    const codeOf = (path: string) => codeFor(url + path, headers);

    expect(await codeOf("/v1/status")).toBe(ofStatus);
    const page = await codeOf("/");
    if (ofPage === "page") expect([200, 404]).toContain(page);
    else expect(page).toBe(ofPage);
  });
});

describe("requests of one address", () => {
  test("are limited, and come back with time", () => {
    const allowance = requestAllowance();
    const taken = (now: number, address = "a") => {
      let count = 0;
      while (allowance.take(address, now)) count += 1;
      return count;
    };

    expect(taken(0)).toBe(2000);
    expect(taken(0, "b")).toBe(2000);
    expect(taken(1000)).toBe(500);
    expect(taken(60_000)).toBe(2000);
  });

  test("are forgotten where there are too many addresses, the oldest first", () => {
    const allowance = requestAllowance();
    while (allowance.take("first", 0));
    for (let i = 0; i < 999; i += 1) allowance.take(`${i}`, 0);
    expect(allowance.take("first", 0)).toBe(false);
    for (let i = 999; i < 1999; i += 1) allowance.take(`${i}`, 0);

    expect(allowance.take("first", 0)).toBe(true);
  });
});

test("every answer tells browsers to run, frame and share nothing", async () => {
  const { url } = await serveStatus();
  for (const path of ["/", "/v1/status", "/v1/events", "/nothing"]) {
    const { headers } = await fetch(url + path);
    const policy = headers.get("content-security-policy");

    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect(headers.get("access-control-allow-origin")).toBeNull();
  }
});
