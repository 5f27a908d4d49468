import { createRandom } from "../../random.ts";
import { AGREED_ATTACKS } from "./adversary.ts";
import { runSchedule, type Schedule, type ScheduleResult } from "./schedule.ts";

/** What became of many schedules. */
export interface SchedulesResult {
  readonly schedules: number;
  /** Seeds of schedules in which two honest members ended a height with different blocks. */
  readonly conflicts: readonly number[];
  /** Seeds of those that honest members did not get to the end of, although the network healed. */
  readonly stalled: readonly number[];
  /** Seeds of those in which an honest member accused another. */
  readonly accused: readonly number[];
  readonly blocks: number;
  readonly views: number;
}

const SIZES = [4, 4, 4, 5, 7, 10];

/** A schedule with faults of every kind, drawn from its seed. */
export function drawSchedule(seed: number): Schedule {
  const random = createRandom(seed, "draw");
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const members = pick(SIZES);
  const attack = pick(AGREED_ATTACKS);
  const faulty = Math.floor((members - 1) / 3);
  return {
    seed,
    members,
    rounds: 5,
    attack,
    attackers: attack === "none" ? 0 : 1 + Math.floor(random() * faulty),
    lossRate: pick([0, 0.1, 0.3, 0.6]),
    delayMs: pick([20, 200, 1000]),
    restarts: pick([0, 0, 1, 3]),
    partition: random() < 0.3,
    // drawn apart, so that the rest of a seed's schedule is what it was
    newcomers: createRandom(seed, "newcomers")() < 0.3 ? 1 : 0,
  };
}

/** A schedule in which honest members lose their disks, of no more of them at a time than may lie. */
export function drawLostDisks(seed: number): Schedule {
  const random = createRandom(seed, "lost disks");
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const members = pick([4, 5, 7]);
  return {
    ...{ seed, members, rounds: 5, attack: "none", attackers: 0, losesDisks: true },
    ...{ lossRate: pick([0, 0.3, 0.6]), delayMs: pick([20, 200, 1000]) },
    ...{ restarts: Math.floor((members - 1) / 3), partition: random() < 0.2 },
  };
}

/** Runs so many schedules from a seed on. */
export function runSchedules(
  schedules: number,
  seed: number,
  run: (schedule: Schedule) => ScheduleResult = runSchedule,
  draw: (seed: number) => Schedule = drawSchedule,
): SchedulesResult {
  const found = { conflicts: [] as number[], stalled: [] as number[], accused: [] as number[] };
  let [blocks, views] = [0, 0];
  for (let each = seed; each < seed + schedules; each++) {
    const schedule = draw(each);
    const result = run(schedule);
    if (result.conflicts.length > 0) found.conflicts.push(each);
    if (result.stalled > 0) found.stalled.push(each);
    if (result.accused > 0) found.accused.push(each);
    blocks += schedule.rounds;
    views += result.views;
  }
  return { schedules, ...found, blocks, views };
}
