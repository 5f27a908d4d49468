/**
 * What the status endpoint costs whom it serves, measured over HTTP: answers while two real nodes train as fast as the
 * machine lets them, starts, events, the dashboard in Chromium, memory of a history that grows, very many connections.
 *
 *   node scripts/status-figures.ts --model FOLDER --data PATH [--repeats 3] [--requests 500] [--connections 10000]
 *     [--rounds 10000] [--seconds 20] [--rate 60] [--readers 8] [--folder FOLDER]
 *
 * Linux only: it reads /proc. Prints one JSON object, all times in milliseconds; of answers the repeat with the middle 99th
 * percentile, and of a server of this process that does nothing what the machine alone takes. Exits with 1 when a bound of
 * the list below is missed.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { hasChromium } from "../test/support/browser.ts";
import { printRunIn } from "./in-folder.ts";
import { flood } from "./status-figures/flood.ts";
import { latencies, medianBy } from "./status-figures/latencies.ts";
import { measurePage } from "./status-figures/page.ts";
import { type TrainingNode, timeStart, whileTraining } from "./status-figures/real-nodes.ts";
import { startTeller } from "./status-figures/teller-process.ts";
import { follow, growHistory } from "./status-figures/told-figures.ts";

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    data: { type: "string" },
    repeats: { type: "string", default: "3" },
    requests: { type: "string", default: "500" },
    connections: { type: "string", default: "10000" },
    rounds: { type: "string", default: "10000" },
    seconds: { type: "string", default: "20" },
    rate: { type: "string", default: "60" },
    readers: { type: "string", default: "8" },
    folder: { type: "string" },
  },
});
const { model, data } = values;
if (model === undefined || data === undefined) throw new Error("--model and --data are needed");

/**
 * Milliseconds, that of a start without the model; but for growth: mebibytes of heap between a fifth of the history and all
 * of it.
 */
const BOUNDS = { p99: 20, start: 5000, interactive: 1000, lag: 1000, growth: 2 };
const repeats = Array.from({ length: Number(values.repeats) }, (_, repeat) => repeat);

await printRunIn({ folder: values.folder, prefix: "klatch-status-" }, measureAll, isWithin);

// --- internal ---

type Figures = Awaited<ReturnType<typeof measureAll>>;

async function measureAll(folder: string, say: (line: string) => void) {
  const network = join(folder, "network");
  const training = await whileTraining({ model, data, folder: network }, (node) =>
    measureTraining(node, join(folder, "teller"), say),
  );
  const starts = [];
  for (const _ of repeats) starts.push(await timeStart(network));
  const start = medianBy(starts, ({ ready }) => ready);
  say(`start: ${JSON.stringify(starts)}`);
  return { ...training, start };
}

async function measureTraining(node: TrainingNode, folder: string, say: (line: string) => void) {
  const { url, pid } = node;
  const answers = [];
  for (const _ of repeats) answers.push(await latencies(url, Number(values.requests)));
  const answer = medianBy(answers, ({ status }) => status.p99);
  say(`answers: ${JSON.stringify(answers)}`);
  mkdirSync(folder);
  const statusFile = join(folder, "copied-status.json");
  writeFileSync(statusFile, await (await fetch(`${url}/v1/status`)).text());
  const teller = await startTeller(folder, statusFile);
  try {
    const [seconds, rate] = [Number(values.seconds), Number(values.rate)];
    const following = await follow(teller, { readers: Number(values.readers), seconds, rate });
    say(`events: ${JSON.stringify(following)}`);
    const visits = repeats.length;
    const page = hasChromium ? await measurePage(url, teller, { visits, seconds, rate }) : null;
    say(`page: ${JSON.stringify(page)}`);
    const history = await growHistory(teller, Number(values.rounds));
    say(`history: ${JSON.stringify(history)}`);
    const flooded = await flood(url, pid, Number(values.connections));
    say(`connections: ${JSON.stringify(flooded)}`);
    return { answer, following, page, history, flooded };
  } finally {
    await teller.stop();
  }
}

function isWithin({ answer, start, following, page, history, flooded }: Figures): boolean {
  const [, early = 0] = history.heapMebibytes;
  const growth = (history.heapMebibytes.at(-1) ?? 0) - early;
  const interactive = page === null ? 0 : medianBy(page.interactive, (each) => each);
  return (
    answer.status.p99 <= BOUNDS.p99 &&
    start.answers <= BOUNDS.start &&
    following.missed === 0 &&
    following.lag.p99 <= BOUNDS.lag &&
    interactive <= BOUNDS.interactive &&
    (page?.missed ?? 0) === 0 &&
    growth <= BOUNDS.growth &&
    flooded.answered === flooded.asked
  );
}
