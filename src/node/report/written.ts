import { barsChart } from "../view/plot/bars.ts";
import { curvesChart } from "../view/plot/curves.ts";
import { INK, type SeriesKey, text } from "../view/plot/drawing.ts";
import { renderSvg } from "../view/plot/image.ts";
import { markdownTable } from "../view/table.ts";
import type { NodeReport } from "./node-report.ts";
import { type Section, sectionsOf, subjectOf } from "./sections.ts";

const TITLE = "Klatch report";
const [WIDTH, HEIGHT] = [1240, 600];
const CURVES_BOX = { left: 76, top: 164, width: 560, height: 350 };
const BARS_BOX = { left: 836, top: 164, width: 356, height: 350 };

/** A report as Markdown, with report.png beside it. */
export function reportMarkdown(report: NodeReport): string {
  const sections = sectionsOf(report).map(({ title, lines, table }) =>
    [
      ...[`## ${title}`, "", ...lines.flatMap((line) => [escapedMarkdown(line), ""])],
      ...(table === undefined ? [] : [markdownTable(table.headers, table.rows), ""]),
    ].join("\n"),
  );
  const picture = "![loss by round, and what it is compared with](report.png)";
  const head = [`# ${TITLE}`, "", escapedMarkdown(subjectOf(report)), "", picture, ""].join("\n");
  return `${[head, ...sections].join("\n")}\nKlatch ${report.klatch}\n`;
}

/** The same as one HTML page that needs nothing else. */
export function reportHtml(report: NodeReport): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${TITLE}</title>
<style>${STYLE}</style>
<main>
<h1>${TITLE}</h1>
<p>${escapedHtml(subjectOf(report))}</p>
<figure>${reportSvg(report)}</figure>
${sectionsOf(report).map(htmlSection).join("\n")}
<footer>Klatch ${escapedHtml(report.klatch)}</footer>
</main>
</html>
`;
}

/** Loss by round, and what it is compared with, as PNG. */
export function reportPng(report: NodeReport): Uint8Array {
  return renderSvg(reportSvg(report), WIDTH);
}

/** The same as SVG. Pure. */
export function reportSvg({ name, curve, comparisons, rounds }: NodeReport): string {
  const [heldOut] = comparisons;
  const told = comparisons.find(({ set }) => set === "test") ?? heldOut;
  const levels = seriesOf(heldOut);
  const bars = seriesOf(told);
  const drawn = {
    ...{ curves: [{ name: "this node", points: curve }], levels, rounds: Math.max(1, rounds.of) },
    caption: "line: after each round · dashes: compared with, on the same held-out rows",
  };
  const on = told?.set === "test" ? "On our own test rows" : "On our own held-out rows";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="loss by round">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(40, 48, `What the run ${name} brought us`, { size: 25, colour: INK, bold: true }),
    curvesChart(drawn, CURVES_BOX),
    ...(bars.length === 0 ? [] : [barsChart(bars, BARS_BOX, on)]),
    "</svg>",
  ].join("\n");
}

// --- internal ---

const STYLE = `
body{font:16px/1.5 system-ui,sans-serif;color:#1b2430;background:#fff;margin:0}
main{max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.7rem}h2{font-size:1.2rem;margin-top:2.2rem}
figure{margin:1rem 0;overflow-x:auto}svg{max-width:100%;height:auto}
table{border-collapse:collapse;display:block;overflow-x:auto}
th,td{text-align:left;padding:.3rem .9rem .3rem 0;border-bottom:1px solid #e3e8ee;font-variant-numeric:tabular-nums}
p,td{overflow-wrap:anywhere}footer{margin:3rem 0;color:#5d6b7a}
`;

function seriesOf(comparison: NodeReport["comparisons"][number] | undefined) {
  const keys: readonly Exclude<SeriesKey, "centralised">[] = ["base", "localOnly", "federated"];
  return keys.flatMap((key) => {
    const quality = comparison?.[key] ?? null;
    return quality === null ? [] : [{ key, loss: quality.loss, exactMatch: quality.exactMatch }];
  });
}

function htmlSection({ title, lines, table }: Section): string {
  const row = (cells: readonly string[], tag: "th" | "td") =>
    `<tr>${cells.map((cell) => `<${tag}>${escapedHtml(cell)}</${tag}>`).join("")}</tr>`;
  return [
    ...[`<h2>${escapedHtml(title)}</h2>`, ...lines.map((line) => `<p>${escapedHtml(line)}</p>`)],
    ...(table === undefined
      ? []
      : [
          `<table><thead>${row(table.headers, "th")}</thead>`,
          `<tbody>${table.rows.map((cells) => row(cells, "td")).join("")}</tbody></table>`,
        ]),
  ].join("\n");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

function escapedHtml(content: string): string {
  return content.replace(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign);
}

/** A name of a run may be anything: it is no markup. */
function escapedMarkdown(content: string): string {
  return content.replace(/[<>[\]*_]/g, (sign) => `\\${sign}`);
}
