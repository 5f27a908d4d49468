import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { Curves } from "../../node/records/records.ts";
import { loss } from "../words.ts";
import { Section } from "./section.tsx";

const HEIGHT = 300;

/** Losses by round: of this node's own training, and of what the network has mixed. */
export function LossChart({ curves }: { readonly curves: Curves }) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const isDark = useDark();
  const hasHeldOut = curves.heldOutLoss.some((value) => value !== null);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const made = new uPlot(options(element, hasHeldOut), data(curves, hasHeldOut), element);
    plot.current = made;
    const watch = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
    };
  }, [isDark, hasHeldOut]);
  useEffect(() => plot.current?.setData(data(curves, hasHeldOut)), [curves, hasHeldOut]);
  return (
    <Section id="loss" title="Loss" note="by round, lower is better">
      <div ref={frame} class="chart" aria-hidden="true" />
      <ul class="legend">
        <li>
          <span class="key mine" aria-hidden="true" />
          mine: training, {textOf(curves.trainLoss)}
        </li>
        {hasHeldOut ? (
          <li>
            <span class="key ours" aria-hidden="true" />
            the network's: mixed, on my held-out data, {textOf(curves.heldOutLoss)}
          </li>
        ) : null}
      </ul>
    </Section>
  );
}

// --- internal ---

/** From where to where, for who does not see the curve. */
function textOf(column: Curves["trainLoss"]): string {
  const known = column.filter((value) => value !== null);
  const [first, last] = [known[0], known.at(-1)];
  return first === undefined ? "none yet" : `${loss(first)} → ${loss(last)}`;
}

function data({ round, trainLoss, heldOutLoss }: Curves, hasHeldOut: boolean): uPlot.AlignedData {
  const columns = [[...round], [...trainLoss]];
  return (hasHeldOut ? [...columns, [...heldOutLoss]] : columns) as uPlot.AlignedData;
}

function options(element: HTMLElement, hasHeldOut: boolean): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const font = `12px ${style.fontFamily}`;
  const axis = {
    ...{ stroke: colour("--soft"), font, gap: 6 },
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  const whole = (_: uPlot, values: number[]) =>
    values.map((value) => (Number.isInteger(value) ? `${value}` : ""));
  return {
    ...{ width: element.clientWidth, height: HEIGHT, padding: [12, 12, 0, 0] },
    ...{ legend: { show: false }, cursor: { show: false } },
    scales: { x: { time: false } },
    axes: [
      { ...axis, grid: { show: false }, values: whole },
      { ...axis, size: 44 },
    ],
    series: [
      {},
      { stroke: colour("--mine"), width: 1.5, points: { show: false } },
      ...(hasHeldOut ? [{ stroke: colour("--accent"), width: 2.5, points: { show: false } }] : []),
    ],
  };
}

/** Whether the page is dark, and again when that changes. */
function useDark(): boolean {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const follow = () => setDark(query.matches);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, []);
  return isDark;
}
