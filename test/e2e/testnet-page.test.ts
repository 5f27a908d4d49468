import { expect, onTestFinished, test } from "vitest";
import { parseOptions } from "../../testnet/options.ts";
import { openPage } from "../../testnet/page/page-server.ts";
import type { Incident } from "../../testnet/processes/troubles.ts";
import { hasChromium, openBrowser, seriousFindings } from "../support/browser.ts";
import { HOSTILE, sampleMembers } from "../unit/testnet/page/sample-members.ts";

test.skipIf(!hasChromium).each(["light", "dark"] as const)(
  "the page of a network shows what changed without a reload, in %s (/usr/bin/chromium)",
  async (colorScheme) => {
    const members = sampleMembers();
    const incidents: Incident[] = [];
    const served = await openPage({ members }, parseOptions({}), incidents);
    onTestFinished(() => served.close());
    const browser = await openBrowser();
    onTestFinished(() => browser.close());
    const page = await browser.newPage({ colorScheme, viewport: { width: 390, height: 800 } });
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(served.url);
    expect(await page.locator("tbody tr").count()).toBe(3);
    expect(await page.locator("svg circle").count()).toBe(3);
    expect(await seriousFindings(page)).toEqual([]);

    // what has the focus keeps it while the page is renewed
    await page.locator("tbody a").first().focus();
    incidents.push({ peer: 2, round: 4, what: HOSTILE });
    members[2]?.process.resume();
    await page.getByText("round 5, peer 2").waitFor();
    await page.getByText("starting").waitFor();
    expect(await page.evaluate("document.activeElement.nodeName")).toBe("A");
    expect(await page.title()).toBe("Klatch testnet");
    expect(complaints).toEqual([]);

    await served.close();
    await page.locator("body.gone").waitFor();
  },
);
