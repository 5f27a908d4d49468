/**
 * Klatch's speed and memory beside PyTorch's: every task is run by each program in turn, several times, as processes of
 * their own with the same number of threads.
 *
 *   node scripts/bench-against-pytorch.ts train --reference torch_lora.py --python debian=/usr/bin/python3 [--python ...]
 *     --task "model=DIR batch=8 seq=128" --task "shape=512,8,8,8,1376,4096 batch=8 seq=128" [--threads 1,2]
 *     [--repeats 5] [--steps 10] [--json]
 *   node scripts/bench-against-pytorch.ts generate --python new=/opt/venv/bin/python --task "model=DIR prompt=32 tokens=64"
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { z } from "zod";
import { bytes, table } from "../src/node/view/table.ts";
import { compare, type ProgramSpeed, type SpeedRun } from "./speed-comparison.ts";

const CLI = join(import.meta.dirname, "../src/node/cli.ts");
const GENERATION = join(import.meta.dirname, "generation-speed.py");
/** Runs a script and writes the most memory that the process had to the last line of standard error. */
const WITH_PEAK = `import resource, runpy, sys
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, file=sys.stderr)`;

const count = z.coerce.number().int().min(1).max(100_000);
const optionsSchema = z.object({
  kind: z.enum(["train", "generate"]),
  python: z.array(z.string().regex(/^[^=]+=.+$/, "expected NAME=PATH")).min(1),
  reference: z.string().optional(),
  /** Words `flag=value`, given as `--flag value` to every program. */
  task: z.array(z.string().regex(/^([a-z]+=\S+ ?)+$/, "expected words flag=value")).min(1),
  threads: z.string().transform((text) => text.split(",").map((each) => count.parse(each))),
  repeats: count,
  steps: count,
  json: z.boolean(),
});
type Options = z.infer<typeof optionsSchema>;

interface Program {
  readonly name: string;
  run(task: readonly string[], threads: number): Promise<SpeedRun>;
}

interface Result {
  readonly task: string;
  readonly threads: number;
  readonly programs: readonly ProgramSpeed[];
}

async function main(): Promise<void> {
  const options = readOptions();
  const programs = [klatch(options), ...options.python.map((each) => python(each, options))];
  const results: Result[] = [];
  for (const task of options.task) {
    const flags = task.split(" ").flatMap((word) => {
      const [flag = "", value = ""] = word.split("=");
      return [`--${flag}`, value];
    });
    for (const threads of options.threads) {
      const runs = new Map<string, SpeedRun[]>(programs.map(({ name }) => [name, []]));
      for (let repeat = 0; repeat < options.repeats; repeat += 1) {
        for (const { name, run } of programs) runs.get(name)?.push(await run(flags, threads));
      }
      const result = { task, threads, programs: compare(runs) };
      results.push(result);
      if (!options.json) print(result);
    }
  }
  if (options.json) process.stdout.write(`${JSON.stringify(results)}\n`);
}

function readOptions(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      python: { type: "string", multiple: true, default: [] },
      reference: { type: "string" },
      task: { type: "string", multiple: true, default: [] },
      threads: { type: "string", default: "1,2" },
      repeats: { type: "string", default: "5" },
      steps: { type: "string", default: "10" },
      json: { type: "boolean", default: false },
    },
  });
  return optionsSchema.parse({ ...values, kind: positionals[0] });
}

/** The number of timed steps, or texts. */
function repetition({ kind, steps }: Options): readonly string[] {
  return [kind === "train" ? "--steps" : "--texts", String(steps)];
}

function klatch(options: Options): Program {
  return {
    name: "klatch",
    async run(task, threads) {
      const flags = [...task, ...repetition(options), "--threads", String(threads), "--json"];
      const { stdout } = await start(process.execPath, [CLI, "bench", options.kind, ...flags], {});
      return measured(stdout, undefined);
    },
  };
}

function python(option: string, options: Options): Program {
  const at = option.indexOf("=");
  const [name, path] = [option.slice(0, at), option.slice(at + 1)];
  const script =
    options.kind === "train" ? [options.reference ?? "torch_lora.py", "speed"] : [GENERATION];
  return {
    name,
    async run(task, threads) {
      const flags = [...task, ...repetition(options), "--threads", String(threads)];
      // PyTorch's own setting does not reach an OpenBLAS with threads of its own.
      const env = { OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) };
      const { stdout, stderr } = await start(path, ["-c", WITH_PEAK, ...script, ...flags], env);
      return measured(stdout, Number(stderr.trim().split("\n").at(-1)));
    },
  };
}

const OUTPUT_MAX = 1 << 24;

function start(file: string, args: readonly string[], env: NodeJS.ProcessEnv) {
  const options = { env: { ...process.env, ...env }, maxBuffer: OUTPUT_MAX };
  return promisify(execFile)(file, [...args], options);
}

const outputSchema = z.object({
  tokensPerSecond: z.number().positive().optional(),
  tokens_per_s: z.number().positive().optional(),
  peakRssBytes: z.number().positive().optional(),
});

function measured(stdout: string, peak: number | undefined): SpeedRun {
  const output = outputSchema.parse(JSON.parse(stdout.trim().split("\n").at(-1) ?? ""));
  return {
    tokensPerSecond: z.number().parse(output.tokensPerSecond ?? output.tokens_per_s),
    peakRssBytes: z
      .number()
      .positive()
      .parse(output.peakRssBytes ?? peak),
  };
}

function print({ task, threads, programs }: Result): void {
  process.stdout.write(`\n${task}, ${threads} thread${threads === 1 ? "" : "s"}\n`);
  const rows = programs.map(({ name, tokensPerSecond: speed, peakRssBytes, ratio }) => {
    const digits = speed.median < 100 ? 1 : 0;
    const range = `${speed.least.toFixed(digits)} to ${speed.most.toFixed(digits)}`;
    const times = `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)} to ${ratio.most.toFixed(2)})`;
    return [name, speed.median.toFixed(digits), range, bytes(peakRssBytes), times];
  });
  const headers = ["program", "tokens/s", "least to most", "peak memory", "klatch / program"];
  process.stdout.write(`${table(headers, rows).join("\n")}\n`);
}

await main();
