import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { z } from "zod";
import { isKnownShape } from "../../src/training/bench/shapes.ts";
import { ENGINE_NAMES } from "../../src/types.ts";
import { DTYPES, listOf } from "./rows.ts";

const count = z.coerce.number().int().min(1).max(1_000_000);
const SIZES = /^[1-9]\d{0,6}(,[1-9]\d{0,6}){5}$/;

const optionsSchema = z.object({
  out: z.string().min(1),
  /** When the call began, in seconds since 1970. */
  started: z.coerce.number().positive(),
  /** Seconds after which the call ends by itself. */
  deadline: count,
  /** Names of known shapes, or six sizes of a tied Llama. */
  shape: z
    .array(z.string().refine((each) => isKnownShape(each) || SIZES.test(each), "unknown shape"))
    .min(1),
  dtypes: listOf(DTYPES),
  engines: listOf(ENGINE_NAMES),
  /** The interpreter with PyTorch; `none` leaves it out. */
  python: z.string().min(1),
  batch: count,
  seq: count,
  threads: count,
  /** The most timed steps, and the seconds after which no further one is begun. */
  steps: count,
  seconds: count,
  /** Seconds after which a row is given up. */
  limit: count,
});
export type Options = z.infer<typeof optionsSchema>;

/** Flags of measure.ts; what is not given is what a card is measured with. */
export function readOptions(args: readonly string[]): Options {
  const text = (value: string | number) => ({ type: "string", default: String(value) }) as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      out: text("gpu-out"),
      started: text(Date.now() / 1000),
      deadline: text(510),
      shape: { type: "string", multiple: true, default: ["smollm2-135m", "qwen2.5-0.5b"] },
      dtypes: text(DTYPES.join(",")),
      engines: text(ENGINE_NAMES.join(",")),
      python: text("python3"),
      batch: text(8),
      seq: text(256),
      threads: text(availableParallelism()),
      steps: text(20),
      seconds: text(8),
      limit: text(75),
    },
  });
  return optionsSchema.parse(values);
}
