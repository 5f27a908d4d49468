import { createRequire } from "node:module";
import { Resvg } from "@resvg/resvg-js";
import { FONT } from "./drawing.ts";

/** Fonts come as npm packages: a fresh machine may have none. */
const FONT_FILES = [
  "@expo-google-fonts/atkinson-hyperlegible/400Regular/AtkinsonHyperlegible_400Regular.ttf",
  "@expo-google-fonts/atkinson-hyperlegible/700Bold/AtkinsonHyperlegible_700Bold.ttf",
];
/** Pixels per unit of the drawing: sharp on dense screens. */
const SCALE = 1.6;

/** Renders a drawing of that width as PNG. */
export function renderSvg(svg: string, width: number): Uint8Array {
  const { resolve } = createRequire(import.meta.url);
  const image = new Resvg(svg, {
    fitTo: { mode: "width", value: Math.round(width * SCALE) },
    font: {
      fontFiles: FONT_FILES.map((file) => resolve(file)),
      loadSystemFonts: false,
      defaultFontFamily: FONT,
    },
  });
  return image.render().asPng();
}
