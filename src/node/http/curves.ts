import { setImmediate as turn } from "node:timers/promises";
import type { Curves, RoundRecord } from "../records/records.ts";
import { toldRecord } from "../records/told.ts";

/** Points that are kept for a plot; a longer history is thinned to between half as many and as many. */
const POINTS_MAX = 1000;
/** Records that are read at a time: other work has its turn between two pages. */
const PAGE = 50;

type Rounds = (limit: number, offset: number) => readonly RoundRecord[];
type Point = { readonly [Key in keyof Curves]: Curves[Key][number] };

/** The history of a run for a plot: read once from where rounds are kept, then with what is new. */
export class CurveHistory {
  readonly #rounds: Rounds;
  /** Every so manieth round is kept. */
  #stride = 1;
  #kept: Point[] = [];
  /** The last round that was looked at, counted from 1. */
  #last = 0;
  #reading: Promise<void> = Promise.resolve();

  constructor(rounds: Rounds) {
    this.#rounds = rounds;
  }

  /** Everything up to now; the newest round is always there. */
  async read(): Promise<Curves> {
    this.#reading = this.#reading.then(() => this.#catchUp());
    await this.#reading;
    const newest = this.#rounds(1, 0).map(pointOf)[0];
    const isKept = newest === undefined || newest.round === this.#kept.at(-1)?.round;
    return columns(isKept ? this.#kept : [...this.#kept, newest]);
  }

  // --- internal ---

  async #catchUp(): Promise<void> {
    const unseen: Point[][] = [];
    for (let offset = 0; ; offset += PAGE) {
      const page = this.#rounds(PAGE, offset).map(pointOf);
      const fresh = page.filter(({ round }) => round > this.#last);
      unseen.push(fresh);
      // a page lacks the records that are damaged
      if (page.length === 0 || fresh.length < page.length) break;
      await turn();
    }
    for (const point of unseen.reverse().flat()) this.#take(point);
  }

  #take(point: Point): void {
    this.#last = point.round;
    if ((point.round - 1) % this.#stride !== 0) return;
    this.#kept.push(point);
    if (this.#kept.length <= POINTS_MAX) return;
    this.#stride *= 2;
    this.#kept = this.#kept.filter(({ round }) => (round - 1) % this.#stride === 0);
  }
}

function pointOf(record: RoundRecord): Point {
  const { startedAt, endedAt, trainLoss, heldOutLoss, bytesSent, bytesReceived } = record;
  return {
    round: toldRecord(record).round,
    endedAt,
    seconds: (endedAt - startedAt) / 1000,
    trainLoss: Number.isFinite(trainLoss) ? trainLoss : null,
    heldOutLoss,
    mixed: record.mixed.length,
    bytesSent,
    bytesReceived,
  };
}

function columns(points: readonly Point[]): Curves {
  return {
    round: points.map(({ round }) => round),
    endedAt: points.map(({ endedAt }) => endedAt),
    seconds: points.map(({ seconds }) => seconds),
    trainLoss: points.map(({ trainLoss }) => trainLoss),
    heldOutLoss: points.map(({ heldOutLoss }) => heldOutLoss),
    mixed: points.map(({ mixed }) => mixed),
    bytesSent: points.map(({ bytesSent }) => bytesSent),
    bytesReceived: points.map(({ bytesReceived }) => bytesReceived),
  };
}
