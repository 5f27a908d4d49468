import { type CodecName, codecOf } from "../../consensus/index.ts";
import { KlatchError } from "../../errors.ts";
import { lengthAt, rankIn, rankOf } from "../../training/index.ts";
import type { AdapterLayout } from "../../types.ts";
import type { Config } from "../config/config.ts";
import { modeOf, requireMode, requireRanks } from "../config/mode-of.ts";
import type { RoundCosts } from "../records/records.ts";
import { bytes } from "../view/table.ts";
import { COMMON_RANK, MEASURED } from "./measured.ts";
import { type Price, priceOf } from "./price.ts";

/**
 * The configuration with a codec and a rank in place of `auto`. With `run.bytesPerRound` these are the first of the
 * measured ones that keep to it; what a configuration names itself stays. The same on every member: nothing counts but
 * section `run` and the adapter's layout, of whatever rank that is.
 *
 * @throws KlatchError `usage` where nothing keeps to it, or what does is not for this mode and topology
 */
export function settled(config: Config, layout: AdapterLayout): Config {
  const { run } = config;
  const { codec, rank, learningRate } = chosen(config, layout);
  const isOwn = run.optimizer.learningRate !== "auto" || learningRate === null;
  const found: Config["run"] = {
    ...run,
    codec,
    adapter: { ...run.adapter, rank },
    optimizer: isOwn ? run.optimizer : { ...run.optimizer, learningRate },
  };
  requireMode(found);
  requireRanks({ run: found, training: config.training });
  return { ...config, run: found };
}

/** Opens the learner of a configuration, and again where its budget wants another rank; both are settled. */
export async function openSettled<
  Learner extends { readonly info: { readonly layout: AdapterLayout }; close(): Promise<void> },
>(
  config: Config,
  open: (config: Config) => Promise<Learner>,
): Promise<{ readonly learner: Learner; readonly config: Config }> {
  const learner = await open(config);
  let found: Config;
  try {
    found = settled(config, learner.info.layout);
  } catch (error) {
    await learner.close();
    throw error;
  }
  const own = rankIn(learner.info.layout);
  if (own === null || own === rankOf(found.run)) return { learner, config: found };
  await learner.close();
  return { learner: await open(found), config: found };
}

/**
 * What a round of a settled configuration costs, and what it would cost otherwise.
 *
 * @param given - the configuration before it was settled
 */
export function roundCosts(given: Config, layout: AdapterLayout): RoundCosts {
  const { run, network, training } = settled(given, layout);
  const isChosen = ({ codec, rank }: Way) => codec === run.codec && rank === rankOf(run);
  const free = { ...run, codec: "auto", adapter: given.run.adapter } as const;
  const known = waysOf({ ...given, run: free }, layout);
  const own: Way = { codec: codecOf(run), rank: rankOf(run), learningRate: null, loss: null };
  const ways = known.some(isChosen) ? known : [own, ...known];
  return {
    budget: run.bytesPerRound,
    link: network.link,
    ways: priced(run, ways, layout, training.rank)
      .toSorted((a, b) => b.price.sent - a.price.sent)
      .map(({ codec, rank, loss, price }) => ({
        ...{ codec, rank, loss, ...price },
        seconds: network.link === null ? null : secondsOn(network.link, price),
        isChosen: isChosen({ codec, rank, loss, learningRate: null }),
      })),
  };
}

// --- internal ---

/** A way for updates to travel; `loss` null where it was not measured. */
interface Way {
  readonly codec: CodecName;
  readonly rank: number;
  readonly learningRate: number | null;
  readonly loss: number | null;
}

type PricedWay = Way & { readonly price: Price };

function chosen(config: Config, layout: AdapterLayout): Way {
  const { run } = config;
  const named: Way = { codec: codecOf(run), rank: rankOf(run), learningRate: null, loss: null };
  const budget = run.bytesPerRound;
  if (budget === null) return named;
  const found = priced(run, waysOf(config, layout), layout).find(
    ({ price }) => price.sent <= budget,
  );
  if (found !== undefined) return found;
  throw tooSmall(config, layout, budget);
}

/** The ways that a configuration leaves open, from most bytes to fewest. */
function waysOf({ run, init }: Config, layout: AdapterLayout): readonly Way[] {
  const isFixed =
    run.adapter.rank !== "auto" || run.adapter.kind !== "lora" || init !== null || !rankIn(layout);
  const measured = MEASURED[modeOf(run)];
  const open: readonly Way[] = isFixed
    ? measured.flatMap((way) => (way.rank === COMMON_RANK ? [{ ...way, rank: rankOf(run) }] : []))
    : measured;
  if (run.codec === "auto") return open;
  const { codec } = run;
  const ofCodec = open.filter((way) => way.codec === codec);
  return ofCodec.length > 0
    ? ofCodec
    : [{ codec, rank: rankOf(run), learningRate: null, loss: null }];
}

function priced(
  run: Config["run"],
  ways: readonly Way[],
  layout: AdapterLayout,
  own: number | null = null,
): readonly PricedWay[] {
  return ways.map((way) => {
    const sent = Math.min(way.rank, own ?? way.rank);
    const [length, ownLength] = [way.rank, sent].map((rank) => lengthAt(layout, rank)) as [
      number,
      number,
    ];
    return { ...way, price: priceOf(run, way.codec, length, ownLength) };
  });
}

function secondsOn(bitsPerSecond: number, { sent, received }: Price): number {
  return (8 * Math.max(sent, received)) / bitsPerSecond;
}

function tooSmall(config: Config, layout: AdapterLayout, budget: number): KlatchError {
  const { run } = config;
  const fewest = priced(run, waysOf(config, layout), layout).at(-1);
  const { sent = 0, overhead = 0 } = fewest?.price ?? {};
  const way = fewest === undefined ? "" : `${fewest.codec} at rank ${fewest.rank}`;
  const parts = `${bytes(sent)} a round, ${bytes(overhead)} of it besides payloads`;
  const least = `run.bytesPerRound ${Math.ceil(sent / 1024)}KiB`;
  return run.codec === "auto"
    ? new KlatchError(
        "usage",
        `run.bytesPerRound is ${bytes(budget)}, and the fewest that work here are ${parts} (${way})`,
        `set ${least} at least, or exchange with fewer (run.topology in mode gossip)`,
      )
    : new KlatchError(
        "usage",
        `run.codec ${run.codec} and run.bytesPerRound ${bytes(budget)} contradict: ${way} sends ${parts}`,
        `leave out run.codec, or set ${least} at least`,
      );
}
