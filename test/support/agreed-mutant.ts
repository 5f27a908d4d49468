/**
 * Runs a check of mode agreed with one line of the program changed, which it prints the finding of:
 *
 *   node test/support/agreed-mutant.ts '{"file": "src/...", "from": "...", "to": "...", "check": "states"}'
 *
 * The file itself stays as it is: the line is changed while it is loaded.
 */
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

/** A rule that is broken: by a line of a file, or by what a check assumes about disks and digests. */
export interface Mutation {
  readonly file?: string;
  readonly from?: string;
  readonly to?: string;
  readonly check: keyof typeof CHECKS;
  readonly options?: {
    readonly votesOnDisk?: boolean;
    readonly certificatesOnDisk?: boolean;
    readonly isViewInDigest?: boolean;
  };
  /** Of schedules: the first, and how many. */
  readonly seed?: number;
  readonly schedules?: number;
  /** Of a specification: the folder with its histories. */
  readonly folder?: string;
}

/** What the check says; null when it has found nothing. */
export interface Finding {
  readonly found: string | null;
}

const {
  file,
  from = "",
  to = "",
  check,
  ...rest
} = JSON.parse(process.argv[2] ?? "{}") as Mutation;
if (file !== undefined) {
  const url = pathToFileURL(file).href;
  registerHooks({
    load(asked, context, next) {
      const loaded = next(asked, context);
      if (asked !== url || loaded.source == null) return loaded;
      const source = new TextDecoder().decode(loaded.source as Uint8Array);
      if (source.split(from).length !== 2) throw new Error(`${file} has not one "${from}"`);
      return { ...loaded, source: source.replace(from, () => to) };
    },
  });
}
const disks = () => schedules(true);
const CHECKS = { states, schedules: () => schedules(), history, specification, disks } as const;
const finding: Finding = { found: await CHECKS[check]() };
process.stdout.write(JSON.stringify(finding));

/** The history that was built by hand for what schedules seldom come to. */
async function history(): Promise<string | null> {
  const { announcedApart } = await import("./agreed-histories.ts");
  return announcedApart();
}

/** The histories of the specification, which the program answers in another way. */
async function specification(): Promise<string | null> {
  const { readHistories } = await import("./agreed-specification/history.ts");
  const { replayAll } = await import("./agreed-specification/replay.ts");
  return replayAll(readHistories(rest.folder ?? ""));
}

async function states(): Promise<string | null> {
  const { explore, TURNS } = await import("./agreed-states/explore.ts");
  const { isViewInDigest = false, ...options } = rest.options ?? {};
  const digestOf = (block: string, view: number) => `${block} of view ${view}`;
  const digests = isViewInDigest ? { digestOf } : {};
  return explore({ turns: TURNS[1], healing: true, ...options, ...digests }).bad;
}

async function schedules(losesDisks = false): Promise<string | null> {
  const { drawLostDisks, drawSchedule, runSchedules } = await import(
    "../../testnet/simulation/agreed/schedules.ts"
  );
  const { runSchedule } = await import("../../testnet/simulation/agreed/schedule.ts");
  const { schedules: count = 100, seed = 1 } = rest;
  const draw = losesDisks ? drawLostDisks : drawSchedule;
  const { conflicts, stalled, accused } = runSchedules(count, seed, runSchedule, draw);
  if (conflicts.length > 0) return "conflict";
  if (accused.length > 0) return "accused";
  return stalled.length > 0 ? "stalled" : null;
}
