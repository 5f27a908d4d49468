import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { BUNDLED_MODEL } from "../config/config.ts";
import { table } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";
import { cacheOption, openModel } from "./model-use.ts";
import { wholeNumber } from "./number-flags.ts";
import { loadTestnetModule } from "./testnet-door.ts";

type Bench = typeof import("../../../testnet/codec-bench/bench-codecs.ts");
type Figures = Awaited<ReturnType<Bench["benchCodecs"]>>[number];

/** `klatch bench codec`: bytes, captured energy and speed of every codec. */
export function defineCodec(command: Command, terminal: Terminal): void {
  command
    .command("codec")
    .description("every codec on Gaussian values, on heavy tails and on a real update")
    .option("--values <n>", "values of the made-up sources", wholeNumber(1, 1e8), 540_672)
    .option(
      "--adapter <folder>",
      "PEFT folder of an adapter to measure on (default: an update trained here)",
    )
    .option("--model <name>", "the model that --adapter is of", BUNDLED_MODEL)
    .addOption(cacheOption())
    .option("--repeats <n>", "timed repeats, of which the median counts", wholeNumber(1, 1000), 15)
    .option("--seed <n>", "decides the values and the update", wholeNumber(0, 4_294_967_295), 1)
    .option("--json", "print one JSON document")
    .action(async ({ json, adapter, model, cache, ...options }: Flags) => {
      const { benchCodecs } = await loadTestnetModule<Bench>("codec-bench/bench-codecs");
      const recorded =
        adapter === undefined
          ? null
          : { source: "adapter", values: await valuesOf({ model, cache, adapter }, terminal) };
      const codecs = await benchCodecs({ ...options, recorded });
      const { values, seed, repeats } = options;
      if (json === true) return terminal.json({ codecs, values, seed, repeats });
      for (const line of describe(codecs)) terminal.line(line);
    });
}

// --- internal ---

interface Flags {
  readonly values: number;
  readonly adapter?: string;
  readonly model: string;
  readonly cache: string;
  readonly repeats: number;
  readonly seed: number;
  readonly json?: boolean;
}

async function valuesOf(
  flags: Required<Pick<Flags, "model" | "cache" | "adapter">>,
  terminal: Terminal,
): Promise<Float32Array> {
  const threads = availableParallelism();
  const { learner, adapter } = await openModel(
    { ...flags, threads, engine: "auto", dtype: "f32" },
    terminal,
  );
  await learner.close();
  return adapter;
}

function describe(codecs: readonly Figures[]): readonly string[] {
  const headers = ["values", "codec", "bytes", "ratio", "bits", "energy", "MB/s in", "MB/s out"];
  const rows = codecs.map((each) => [
    each.source,
    each.name,
    each.bytes,
    each.ratio.toFixed(1),
    each.bitsPerValue.toFixed(3),
    each.capturedEnergy.toFixed(4),
    Math.round(each.encodeMBps),
    Math.round(each.decodeMBps),
  ]);
  return table(headers, rows);
}
