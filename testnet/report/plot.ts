import { type Bar, barsChart } from "../../src/node/view/plot/bars.ts";
import { type Curve, curvesChart } from "../../src/node/view/plot/curves.ts";
import { INK, type SeriesKey, text } from "../../src/node/view/plot/drawing.ts";
import { renderSvg } from "../../src/node/view/plot/image.ts";
import { secondsText } from "../../src/node/view/quantities.ts";
import { bytes } from "../../src/node/view/table.ts";
import type { PeerReport, TestnetReport } from "./report-shape.ts";

const PLOT_WIDTH = 1240;
const PLOT_HEIGHT = 640;

const CURVES_BOX = { left: 76, top: 164, width: 560, height: 350 };
const BARS_BOX = { left: 836, top: 164, width: 356, height: 350 };
const CAPTION = "lines: each peer on its own held-out data · dashes: on the common test set";
const KEYS: readonly SeriesKey[] = ["base", "localOnly", "federated", "centralised"];

/** Renders a report's picture as PNG. */
export function renderPlot(report: TestnetReport): Uint8Array {
  return renderSvg(plotSvg(report), PLOT_WIDTH);
}

/** A run as a picture (SVG): the curves of its honest peers, and what federation brought. Pure. */
export function plotSvg(report: TestnetReport): string {
  const compared = KEYS.flatMap((key): Bar[] => {
    const quality = report[key];
    return quality === null ? [] : [{ key, loss: quality.loss, exactMatch: quality.exactMatch }];
  });
  const curves = report.peers.filter(({ role }) => role === "honest").map(curveOf);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${PLOT_WIDTH}" height="${PLOT_HEIGHT}" viewBox="0 0 ${PLOT_WIDTH} ${PLOT_HEIGHT}">`,
    `<rect width="${PLOT_WIDTH}" height="${PLOT_HEIGHT}" fill="#ffffff"/>`,
    text(40, 48, titleOf(report), { size: 25, colour: INK, bold: true }),
    text(40, 76, subtitleOf(report), { size: 15 }),
    curvesChart(
      { curves, levels: compared, rounds: report.options.rounds, caption: CAPTION },
      CURVES_BOX,
    ),
    barsChart(compared, BARS_BOX, "On the common test set"),
    "</svg>",
  ].join("\n");
}

function titleOf({ peers, attack, attackers }: TestnetReport): string {
  const people = `${peers.length} peers fine-tune one model together`;
  return attack === null ? people : `${people}, ${attackers} of them attacking (${attack})`;
}

function subtitleOf(report: TestnetReport): string {
  const { options } = report;
  return [
    `${options.rounds} rounds of ${options.steps} steps`,
    `rule ${report.rule}`,
    `topology ${options.topology}`,
    `${bytes(report.bytesPerPeerRound)} sent per peer and round`,
    secondsText(report.seconds),
    `seed ${options.seed}`,
  ].join("  ·  ");
}

/** Held-out loss where the peer has one, else its training loss. */
function curveOf(peer: PeerReport): Curve {
  return {
    name: peer.label,
    points: peer.curve.map((point) => ({
      round: point.round,
      loss: point.heldOutLoss ?? point.trainLoss,
    })),
  };
}
