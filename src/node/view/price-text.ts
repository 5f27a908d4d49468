import type { RunPrice } from "../admission/price-run.ts";
import { bytes, duration } from "./table.ts";

/** What a run asks of a member, a line for each thing: its name in fifteen characters, and a sentence. */
export function describePrice(price: RunPrice): readonly string[] {
  const { members, certifiedAttackers, unknown } = price;
  const lines: readonly (readonly [string, string | null])[] = [
    ["bytes", bytesText(price)],
    ["time", timeText(price)],
    ["memory", memoryText(price)],
    ["attackers", `certified for ${certifiedAttackers} of ${members} members`],
    ...unknown.map((why) => ["not known", why] as const),
  ];
  return lines.flatMap(([name, text]) => (text === null ? [] : [`${name.padEnd(NAME)}${text}`]));
}

// --- internal ---

const NAME = 15;

function bytesText({ bytes: each, rounds }: RunPrice): string | null {
  if (each === null) return null;
  const { sent, received } = each;
  const inAll = `${bytes(rounds * sent)} and ${bytes(rounds * received)} in ${rounds} rounds`;
  return `about ${bytes(sent)} sent and ${bytes(received)} received a round; ${inAll}`;
}

function timeText({ seconds, rounds }: RunPrice): string | null {
  if (seconds === null) return null;
  const { engine, step, round, link } = seconds;
  const sending = link === null ? "" : `, and ${secondsText(link)} for its updates`;
  const inAll = `${duration(rounds * (round + (link ?? 0)))} in ${rounds} rounds`;
  return `${secondsText(round)} of training a round (a step took ${secondsText(step)} on ${engine})${sending}; about ${inAll}`;
}

function memoryText({ memory }: RunPrice): string | null {
  if (memory === null) return null;
  const { total, available } = memory;
  const there = available === null ? "what the device has is unknown" : `${bytes(available)} there`;
  return `${bytes(total)} to train with, ${there}`;
}

function secondsText(seconds: number): string {
  return seconds < 10 ? `${Number(seconds.toPrecision(2))} s` : duration(seconds);
}
