import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { DASHBOARD_PATHS, dashboardFiles } from "../../src/node/http/dashboard-files.ts";
import { EventLog } from "../../src/node/http/event-log.ts";
import type { NodeStatus } from "../../src/node/records/records.ts";
import { hasChromium, openBrowser, seriousFindings } from "../support/browser.ts";
import { serveStatus } from "../unit/node/http/status-endpoint.ts";
import {
  PEERS,
  samplePeer,
  sampleRound,
  sampleSource,
  sampleStatus,
} from "../unit/node/node-samples.ts";

const ROOT = join(import.meta.dirname, "../..");
/** A whole page over the wire. */
const PAGE_BYTES_MAX = 300 * 1024;
/** What would run, or look otherwise, if it were taken for markup. */
const HOSTILE = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>&lt;b\u202e`;

beforeAll(() => {
  execFileSync(process.execPath, [join(ROOT, "scripts/dashboard.ts")], { cwd: ROOT });
});

test("the dashboard is served whole, and small", async () => {
  const { url } = await serveStatus();
  const fileAt = dashboardFiles();
  let size = 0;
  for (const path of DASHBOARD_PATHS) {
    const response = await fetch(url + path);
    size += fileAt(path)?.bytes.length ?? 0;

    expect([path, response.status]).toEqual([path, 200]);
    expect(response.headers.get("content-security-policy")).toContain("script-src 'self'");
  }
  expect(size).toBeGreaterThan(gzipSync(await (await fetch(url)).bytes()).length);
  expect(size).toBeLessThan(PAGE_BYTES_MAX);
  expect(await (await fetch(url)).text()).not.toMatch(/<script>|<style|style=|onload=/);
});

const status = (count: number, change: Partial<NodeStatus> = {}) =>
  sampleStatus({
    ...{ mode: "agreed", rule: "check-twins", state: "running", phase: "train", round: 3 },
    agreed: {
      ...{ view: 0, proposer: null, ballots: 0, votes: 0, quorum: 3, blocks: 3 },
      ...{ head: "a".repeat(64), headAt: 5 },
    },
    phases: [{ phase: "train", at: Date.now() - 3000 }],
    peers: Array.from({ length: count }, (_, i) =>
      samplePeer({
        peer: `${PEERS[1].slice(0, -3)}${String(i).padStart(3, "0")}`,
        connected: i % 5 !== 4,
        standing: i % 7 === 3 ? "isolated" : "full",
        reason: i % 5 === 4 ? "not connected" : null,
      }),
    ),
    ...change,
  });

describe.skipIf(!hasChromium)("the dashboard in Chromium (/usr/bin/chromium)", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  /** The page of an endpoint, and everything that it complained about. */
  async function open(url: string, options: BrowserContextOptions = {}) {
    const context = await browser.newContext(options);
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("dialog", (dialog) => complaints.push(dialog.message()));
    await page.goto(url);
    return { page, complaints };
  }

  const rounds = (limit: number, offset = 0) =>
    [2, 1, 0]
      .slice(offset, offset + limit)
      .map((round) => ({ ...sampleRound(round), heldOutLoss: 2 - round / 2 }))
      .reverse();

  test("shows the node, and what happens without a reload", async () => {
    const events = new EventLog();
    let now = status(3);
    const source = sampleSource({ status: () => now, rounds });
    const { url } = await serveStatus({ source, events });
    const { page, complaints } = await open(url);
    await page.getByText("Round 4 of 10: trains on its own data").waitFor();
    expect(await page.locator("section h2").allTextContents()).toEqual([
      ...["Network", "Loss", "Rounds", "Peers", "Chain", "Evidence", "Machine"],
    ]);
    expect(await page.locator("svg .peer").count()).toBe(3);

    now = status(3, { phase: "fetch" });
    events.tell({ type: "phase", round: 3, phase: "fetch", at: Date.now() });
    await page.getByText("Round 4 of 10: fetches updates").waitFor();
    events.tell({
      type: "evidence",
      peer: PEERS[1],
      round: 3,
      kind: "late",
      at: 7,
      detail: "by 3 s",
    });
    await page.getByText("by 3 s").waitFor();
    now = status(4, { round: 4, phase: "train" });
    events.tell({ type: "round", ...sampleRound(3) });
    await page.getByText("Round 5 of 10").waitFor();
    await page.locator("svg .peer").nth(3).waitFor();

    expect(complaints).toEqual([]);
  });

  test.each([
    ["light", 4, {}],
    ["dark", 100, { colorScheme: "dark" }],
    ["phone", 100, { viewport: { width: 375, height: 700 }, isMobile: true, hasTouch: true }],
  ] as const)("is accessible: %s, %d peers", async (_, count, options) => {
    const source = sampleSource({ status: () => status(count), rounds });
    const { url } = await serveStatus({ source });
    const { page, complaints } = await open(url, options);
    await page
      .locator("svg .peer")
      .nth(count - 1)
      .waitFor();

    expect(await seriousFindings(page)).toEqual([]);
    const { clientWidth, scrollWidth } = await page.evaluate<Record<string, number>>(
      "({ clientWidth: document.documentElement.clientWidth, scrollWidth: document.documentElement.scrollWidth })",
    );
    expect(scrollWidth).toBe(clientWidth);
    expect(complaints).toEqual([]);
  });

  test("would be told what is not accessible (control)", async () => {
    const { url } = await serveStatus();
    const { page } = await open(url);
    await page.getByText("Machine").waitFor();
    await page.evaluate(
      "document.querySelector('h1').innerHTML = '<button></button><img src=/icon.svg>'",
    );

    expect((await seriousFindings(page)).length).toBeGreaterThan(0);
  });

  test("takes names, reasons and details for text, whatever they hold", async () => {
    const peer = samplePeer({ peer: HOSTILE, reason: HOSTILE, notes: [HOSTILE], version: HOSTILE });
    const source = sampleSource({
      status: () =>
        status(0, { peers: [peer], waitingFor: [HOSTILE], version: HOSTILE, rule: HOSTILE }),
      evidence: () => [{ peer: HOSTILE, round: 1, kind: "late", at: 5, detail: HOSTILE }],
      machine: () => ({ ...sampleSource().machine(), engine: HOSTILE }),
      rounds,
    });
    const { url } = await serveStatus({ source });
    const { page, complaints } = await open(url);
    await page.locator("td.words").waitFor();

    expect(await page.title()).toBe("Klatch");
    expect(await page.locator("#dashboard img, #dashboard script, #dashboard b").count()).toBe(0);
    expect(await page.locator("td.words").textContent()).toContain("<img src=x");
    expect(complaints).toEqual([]);
  });

  test("can be gone through by the keyboard", async () => {
    const { url } = await serveStatus({
      source: sampleSource({ status: () => status(20), rounds }),
    });
    const { page } = await open(url);
    await page.locator("svg .peer").nth(19).waitFor();
    const focused = () => page.evaluate<string>("document.activeElement.textContent.slice(0, 12)");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("To the peers");
    await page.keyboard.press("Tab");

    expect(await focused()).toContain("Peer");
  });

  test("asks for the token where the node does, and takes it out of the address", async () => {
    const { url, dataDir } = await serveStatus({}, { host: "0.0.0.0", allowRemote: true });
    const token = readFileSync(join(dataDir, "status-token"), "utf8").trim();
    const here = url.replace("0.0.0.0", "127.0.0.1");
    const asked = await open(here);
    await asked.page.getByLabel("Token").fill(token);
    await asked.page.getByRole("button").click();
    await asked.page.getByText("Machine").waitFor();
    const given = await open(`${here}/#token=${token}`);
    await given.page.getByText("Machine").waitFor();

    expect(given.page.url()).toBe(`${here}/`);
  });

  test("says when the node is gone", async () => {
    const { url, stop } = await serveStatus();
    const { page } = await open(url);
    await page.getByText("Machine").waitFor();
    await stop();

    await page.getByRole("alert").waitFor();
  });
});
