import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../src/errors.ts";

/** What pytorch-step.py is to do. */
export interface PytorchTask {
  /** A model folder, and the file in it with the adapter by its tensors' names and the tokens as `ids`. */
  readonly folder: string;
  readonly start: string;
  /** Names of the adapter's tensors, A before B, as the gradients shall lie in the file that is written. */
  readonly order: readonly string[];
  readonly scale: number;
  /** Whether weights and arithmetic are half floats. */
  readonly half: boolean;
  readonly threads: number;
  readonly steps: number;
  readonly seconds: number;
}

const answerSchema = z.object({
  loss: z.number(),
  tokensPerSecond: z.number().positive(),
  peakBytes: z.number().positive(),
  device: z.enum(["cpu", "cuda"]),
  dtype: z.string(),
  version: z.string(),
});

export type PytorchMeasurement = z.infer<typeof answerSchema> & {
  readonly gradient: Float32Array;
};

const SCRIPT = join(import.meta.dirname, "pytorch-step.py");

/** The task in PyTorch by the interpreter `python`, or why not within `limit` seconds. */
export async function measurePytorch(
  python: string,
  task: PytorchTask,
  limit: number,
): Promise<PytorchMeasurement | KlatchError> {
  const file = join(task.folder, "task.json");
  const gradients = join(task.folder, "gradients.f32");
  await writeFile(file, JSON.stringify({ ...task, gradients }));
  const said = await answerOf(python, [SCRIPT, file], task.threads, limit);
  if (said instanceof KlatchError) return said;
  const gradient = new Float32Array(Uint8Array.from(await readFile(gradients)).buffer);
  return { ...answerSchema.parse(JSON.parse(said)), gradient };
}

// --- internal ---

const SAID_MAX = 1 << 16;

/** The last line that the program says, or an error with the last line of its complaints. */
function answerOf(
  file: string,
  args: readonly string[],
  threads: number,
  limit: number,
): Promise<string | KlatchError> {
  // PyTorch's own setting does not reach an OpenBLAS with threads of its own.
  const cores = { OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) };
  const child = spawn(file, args, {
    env: { ...process.env, ...cores },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    said.out = (said.out + chunk.toString("utf8")).slice(-SAID_MAX);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    said.err = (said.err + chunk.toString("utf8")).slice(-SAID_MAX);
  });
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(trouble(`took longer than ${limit} s`));
      child.kill("SIGKILL");
    }, 1000 * limit);
    child.once("error", () => {
      clearTimeout(timer);
      resolve(trouble(`cannot run: there is no ${file}`));
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve(lastLine(said.out));
      resolve(trouble(`ended (${signal ?? `exit code ${code}`}): ${lastLine(said.err)}`));
    });
  });
}

function trouble(what: string): KlatchError {
  return new KlatchError("engine", `pytorch ${what}`, "is PyTorch 2 installed there?");
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
