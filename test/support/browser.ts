import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, chromium, type Page } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Debian's Chromium, which the tests of the dashboard use where it is. */
export const CHROMIUM = "/usr/bin/chromium";
export const hasChromium = existsSync(CHROMIUM);

/** A browser without a window; the caller closes it. */
export function openBrowser(): Promise<Browser> {
  // who runs as root, as in a container, has no sandbox
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/** What axe finds that is serious, by rule and place. */
export async function seriousFindings(page: Page): Promise<readonly string[]> {
  // past the page's own policy, which lets no other script run
  const found = (await page.evaluate(`(() => { ${AXE}; return axe.run(document); })()`)) as {
    readonly violations: readonly {
      readonly id: string;
      readonly impact: string;
      readonly nodes: readonly { readonly html: string }[];
    }[];
  };
  return found.violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
}
