import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

/**
 * Builds the dashboard into dist/dashboard, where a node serves it from: one script with what it needs inside, and the
 * files beside it as they are.
 */
const ROOT = join(import.meta.dirname, "..");
const SOURCE = join(ROOT, "src/dashboard");
const FONTS = join(ROOT, "node_modules/@expo-google-fonts/atkinson-hyperlegible");
const BUILT = join(ROOT, "dist/dashboard");

mkdirSync(BUILT, { recursive: true });
const bundle = await rolldown({
  input: join(SOURCE, "main.tsx"),
  platform: "browser",
});
await bundle.write({
  file: join(BUILT, "dashboard.js"),
  format: "iife",
  minify: true,
  comments: { legal: true },
});
await bundle.close();
const styles = ["base.css", "page.css", "parts.css"].map((name) => join(SOURCE, "style", name));
writeFileSync(
  join(BUILT, "dashboard.css"),
  styles.map((file) => readFileSync(file, "utf8")).join("\n"),
);
for (const name of ["index.html", "icon.svg"]) {
  copyFileSync(join(SOURCE, name), join(BUILT, name));
}
copyFileSync(
  join(FONTS, "400Regular/AtkinsonHyperlegible_400Regular.ttf"),
  join(BUILT, "regular.ttf"),
);
copyFileSync(join(FONTS, "700Bold/AtkinsonHyperlegible_700Bold.ttf"), join(BUILT, "bold.ttf"));
writeFileSync(join(BUILT, "LICENSES.txt"), licences());

/** What the script and the fonts are licensed under, as their licences ask for. */
function licences(): string {
  const files = {
    preact: "node_modules/preact/LICENSE",
    uPlot: "node_modules/uplot/LICENSE",
    "Atkinson Hyperlegible": join(FONTS, "LICENSE_FONT").slice(ROOT.length + 1),
  };
  return Object.entries(files)
    .map(([name, file]) => `${name}\n\n${readFileSync(join(ROOT, file), "utf8")}`)
    .join("\n\n");
}
