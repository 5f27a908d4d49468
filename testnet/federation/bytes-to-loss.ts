import { type CodecName, codecOf } from "../../src/consensus/index.ts";
import { rankOf } from "../../src/training/index.ts";
import type { RunMode } from "../../src/types.ts";
import { withLearners } from "../baselines.ts";
import { prepareData } from "../data/run-data.ts";
import { parseOptions, type TestnetInput, type TestnetOptions } from "../options.ts";
import { makeTestnetScratch } from "../working-folder.ts";
import { memberFiles, type RoundReached, runAgreed } from "./agreed-run.ts";
import { rateAgainst } from "./bjontegaard.ts";
import { requireGossip, runGossip } from "./gossip-run.ts";

/** What is compared: every codec with every rank, factors, momentum and seed. */
export interface BytesToLossInput extends Omit<TestnetInput, "ranks" | "mode"> {
  readonly mode: RunMode;
  readonly codecs: readonly CodecName[];
  /** Of one rank for all members, or of several that they have in turn, such as `2/4/8`. */
  readonly ranks: readonly string[];
  readonly momenta: readonly number[];
  readonly seeds: number;
}

/** One run, round by round. */
export interface BytesToLossRun {
  readonly mode: RunMode;
  readonly codec: CodecName;
  readonly rank: number;
  /** That members train in turn, where they have several. */
  readonly ranks?: readonly number[];
  readonly factors: TestnetOptions["factors"];
  /** Momentum of the outer step. */
  readonly outer: number;
  /** Pull of the local steps towards the round's start, where there is one. */
  readonly proximal?: number;
  readonly seed: number;
  readonly warmUp: number;
  readonly feedback: number;
  readonly rounds: readonly number[];
  readonly bytesPerPeer: readonly number[];
  readonly loss: readonly number[];
}

/** Runs all that is compared, one after the other; `note` hears of every round. */
export async function bytesToLoss(
  { codecs, ranks, momenta, seeds, ...common }: BytesToLossInput,
  note: (text: string) => void,
): Promise<readonly BytesToLossRun[]> {
  const all = Array.from({ length: seeds }, (_, seed) =>
    codecs.flatMap((codec) =>
      ranks.flatMap((each) =>
        momenta.map((outerMomentum) =>
          // among honest members a gate costs time and changes nothing
          parseOptions({
            ...{ ...common, codec, outerMomentum, seed: seed + 1 },
            ranks: each.replaceAll("/", ","),
            gate: false,
          }),
        ),
      ),
    ),
  ).flat();
  if (common.mode === "gossip") for (const options of all) requireGossip(options);
  const runs: BytesToLossRun[] = [];
  for (const options of all) runs.push(await runOne(common.mode, options, note));
  return runs;
}

/** The name of a run in a legend. */
export function nameOf({ codec, rank, ranks, outer, proximal, seed }: BytesToLossRun): string {
  const pull = proximal === undefined ? "" : `, proximal ${proximal}`;
  return `${codec}, rank ${ranks?.join("/") ?? rank}, momentum ${outer}${pull}, seed ${seed}`;
}

/** Bytes at which a run reaches a loss, between rounds by a straight line; null when it does not. */
export function bytesAt({ bytesPerPeer, loss }: BytesToLossRun, target: number): number | null {
  const place = loss.findIndex((each) => each <= target);
  const [bytes, reached] = [bytesPerPeer[place], loss[place]];
  if (bytes === undefined || reached === undefined) return null;
  const [fewer, before] = [bytesPerPeer[place - 1], loss[place - 1]];
  if (fewer === undefined || before === undefined) return bytes;
  return fewer + ((bytes - fewer) * (before - target)) / (before - reached);
}

/** Bytes for the same loss, over those of the run with int8 and all else alike; null without one. */
export function rateToInt8(run: BytesToLossRun, runs: readonly BytesToLossRun[]): number | null {
  const int8 = runs.find((each) => nameOf(each) === nameOf({ ...run, codec: "int8" }));
  return int8 === undefined ? null : rateAgainst(run, int8);
}

// --- internal ---

const RUN = { agreed: runAgreed, gossip: runGossip };

async function runOne(
  mode: RunMode,
  options: TestnetOptions,
  note: (text: string) => void,
): Promise<BytesToLossRun> {
  const scratch = await makeTestnetScratch();
  try {
    const data = await prepareData(options, scratch.path);
    const { factors, outerMomentum: outer, seed, warmUp, feedback, ranks, proximal } = options;
    const [codec, rank] = [codecOf(options), rankOf({ adapter: options })];
    const way = { codec, rank, factors, outer, seed, warmUp, feedback };
    const several = ranks !== undefined && ranks.length > 1 ? { ranks } : {};
    const pull = proximal === undefined ? {} : { proximal };
    const head = { mode, ...way, ...several, ...pull };
    const run = { rounds: [] as number[], bytesPerPeer: [] as number[], loss: [] as number[] };
    const named = { ...head, ...run };
    const onRound = async ({ round, bytesPerPeer, loss: evaluate }: RoundReached) => {
      const loss = await evaluate();
      run.rounds.push(round);
      run.bytesPerPeer.push(bytesPerPeer);
      run.loss.push(loss);
      note(`${nameOf(named)} · round ${round}/${options.rounds} · ${loss.toFixed(3)}`);
    };
    await withLearners(options, memberFiles(options, data), (learners) =>
      RUN[mode](options, data, learners, onRound),
    );
    return named;
  } finally {
    scratch.remove();
  }
}
