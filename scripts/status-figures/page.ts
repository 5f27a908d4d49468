import type { Page } from "playwright-core";
import { openBrowser } from "../../test/support/browser.ts";
import { type Latencies, summary, tenths } from "./latencies.ts";
import type { Teller } from "./teller-process.ts";

/** What a page shows once it has asked the node. */
const LIVE = /^Round \d+ of \d+/;

/** Times in a page, milliseconds. */
export interface PageFigures {
  /** From the navigation until what the node is doing is shown, of each visit with nothing cached. */
  readonly interactive: readonly number[];
  /** How late events were in the page, while it drew them. */
  readonly lag: Latencies;
  readonly missed: number;
}

/** Opens the dashboard so many times, and then reads events beside it as they come. */
export async function measurePage(
  visited: string,
  teller: Teller,
  {
    visits,
    seconds,
    rate,
  }: { readonly visits: number; readonly seconds: number; readonly rate: number },
): Promise<PageFigures> {
  const browser = await openBrowser();
  try {
    const interactive: number[] = [];
    for (let visit = 0; visit < visits; visit += 1) {
      const context = await browser.newContext();
      const page = await context.newPage();
      interactive.push(await visitOnce(page, visited));
      await context.close();
    }
    const page = await browser.newPage();
    await visitOnce(page, teller.url);
    const events = seconds * rate;
    await page.evaluate(LISTEN);
    await teller.ask({ do: "tell", events, everyMs: 1000 / rate });
    await page.waitForFunction(`globalThis.lags.length >= ${events}`);
    const lags = await page.evaluate<number[]>("globalThis.lags");
    return { interactive, lag: summary(lags), missed: events - lags.length };
  } finally {
    await browser.close();
  }
}

// --- internal ---

/** In the page: what it draws for the same events makes this late. */
const LISTEN = `new Promise((resolve) => {
  globalThis.lags = [];
  const source = new EventSource("/v1/events");
  source.addEventListener("begin", resolve);
  source.addEventListener("phase", ({ data }) => globalThis.lags.push(Date.now() - JSON.parse(data).at));
})`;

async function visitOnce(page: Page, url: string): Promise<number> {
  await page.goto(url, { waitUntil: "commit" });
  await page.getByText(LIVE).first().waitFor();
  // two frames later the page has drawn it, and answers
  return tenths(
    await page.evaluate<number>(
      "new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now()))))",
    ),
  );
}
