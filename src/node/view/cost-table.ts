import type { RoundCosts } from "../records/records.ts";
import { bytes, duration, linkSpeed, table } from "./table.ts";

type Way = RoundCosts["ways"][number];

/** How updates travel, what that costs in a round, and the budget: one line. */
export function describeCosts({ budget, link, ways }: RoundCosts): string {
  const way = ways.find(({ isChosen }) => isChosen);
  if (way === undefined) return "unknown";
  const { codec, rank, sent, overhead } = way;
  const limit = budget === null ? "" : ` of at most ${bytes(budget)}`;
  const time = link === null ? "" : `, ${secondsText(way)} at ${linkSpeed(link)}`;
  return `${codec}, rank ${rank}: about ${bytes(sent)} sent a round${limit}, ${bytes(overhead)} of it besides payloads${time}`;
}

/** The ways for updates to travel that were measured, from most bytes to fewest; the chosen one has a star. */
export function costTable({ link, ways }: RoundCosts): readonly string[] {
  const onLink = link === null ? [] : [`at ${linkSpeed(link)}`];
  const headers = [
    ...["", "a round", "rank", "payload", "sent", "received", "overhead"],
    ...[...onLink, "loss to int8"],
  ];
  const rows = ways.map((way) => [
    ...[way.isChosen ? "*" : "", way.codec, way.rank],
    ...[way.payload, way.sent, way.received, way.overhead].map(bytes),
    ...(link === null ? [] : [secondsText(way)]),
    way.loss?.toFixed(2) ?? "-",
  ]);
  return table(headers, rows);
}

// --- internal ---

function secondsText({ seconds }: Way): string {
  if (seconds === null) return "-";
  return seconds < 10 ? `${seconds.toFixed(1)} s` : duration(seconds);
}
