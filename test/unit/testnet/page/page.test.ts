import { request } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { parseOptions } from "../../../../testnet/options.ts";
import { openPage } from "../../../../testnet/page/page-server.ts";
import { HOSTILE, sampleMembers } from "./sample-members.ts";

async function serve() {
  const incidents = [{ peer: 2, round: 3, what: HOSTILE }];
  const page = await openPage({ members: sampleMembers() }, parseOptions({}), incidents);
  onTestFinished(() => page.close());
  return page.url;
}

/** The status of an answer, with any Host header. */
function statusOf(url: string, headers: Record<string, string>, method = "GET"): Promise<number> {
  return new Promise((resolve, reject) => {
    request(url, { headers, method }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .once("error", reject)
      .end();
  });
}

test("one page has every peer with a link to its own, and what happened", async () => {
  const text = await (await fetch(await serve())).text();
  expect(text).toContain('href="http://127.0.0.1:4001"');
  expect(text).toContain('href="http://127.0.0.1:4003"');
  expect(text).toContain("paused");
  expect(text).toContain("round 4, peer 2");
  expect(text.match(/<circle/g)).toHaveLength(3);
  expect(text.match(/<line/g)?.length).toBeGreaterThan(0);
});

test("no markup of others gets through", async () => {
  const response = await fetch(await serve());
  const text = await response.text();
  expect(text).not.toContain("<img src=x");
  expect(text).not.toContain("<script>");
  expect(text).toContain("&#60;script&#62;");
  expect(response.headers.get("content-security-policy")).toContain("script-src 'self'");
});

test("only this machine's own pages are answered, and only asked", async () => {
  const url = await serve();
  const host = new URL(url).host;
  expect(await statusOf(url, { host })).toBe(200);
  expect(await statusOf(url, { host: "evil.example" })).toBe(403);
  expect(await statusOf(url, { host, origin: "http://evil.example" })).toBe(403);
  expect(await statusOf(`${url}/page.js`, { host, "sec-fetch-site": "cross-site" })).toBe(403);
  for (const method of ["POST", "DELETE", "PUT", "OPTIONS"]) {
    expect(await statusOf(url, { host }, method)).toBe(405);
  }
  for (const path of ["/live", "/__proto__", "/toString", "/../package.json"]) {
    expect(await statusOf(url + path, { host })).toBe(404);
  }
});

test("the curves are a picture also while nobody answers", async () => {
  const response = await fetch(`${await serve()}/curves.svg?round=3`);
  expect(response.headers.get("content-type")).toBe("image/svg+xml");
  expect(await response.text()).toContain("Loss by round");
});
